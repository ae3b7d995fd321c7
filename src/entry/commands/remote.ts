import type { ArchiveSummary } from "../../core/lifecycle/archive-session.ts";
import { isObject } from "../../core/model/json-fields.ts";
import { RunlogError, type RunlogErrorCode } from "../../ports/errors.ts";
import type { SessionKey } from "../../ports/log-store.ts";
import { UsageError } from "../exit.ts";
import { say } from "../process.ts";
import { createWaiting } from "../waiting.ts";
import { authorizationOf } from "./bearer-token.ts";
import type { Selection } from "./selection.ts";
import { reasonOf, serverUrl } from "./server-url.ts";

/** A server that does what a command is for. */
export interface Remote {
  /** The sessions that are selected, as far as the server lists them. */
  select(selection: Selection, nowMs: number): AsyncGenerator<SessionKey>;
  archive(key: SessionKey, options: { readonly deleteLocal: boolean }): Promise<ArchiveSummary>;
  /** Resolves with the id of the session's log. */
  restore(key: SessionKey): Promise<string>;
}

const PAGE = 100;
/** Answers that concern one session, and those that would be the same for every other. */
const CODES: Readonly<Record<number, RunlogErrorCode>> = {
  401: "token-invalid",
  403: "access-denied",
  404: "session-not-found",
  409: "run-active",
  501: "archive-not-configured",
};

/** A server by its URL; `token` is sent as bearer token unless it is empty. Throws UsageError. */
export function createRemote(url: string, token: string): Remote {
  const base = serverUrl("--server", url);
  const authorization = authorizationOf(token);

  const waiting = createWaiting(say);

  /** Another server than ours answers there, or something between the two. */
  function strange(): RunlogError {
    const text = `What answers at ${base} is no runlog server: --server is the URL of one`;
    return new RunlogError("store-unanswered", text);
  }

  /** The server's refusal, in its own words (PROTOCOL 1.1). */
  function refusal(status: number, answer: unknown): RunlogError {
    const detail = isObject(answer) && typeof answer["detail"] === "string" ? answer["detail"] : "";
    const message = detail || `The server at ${base} answered ${status}`;
    const advice = status === 401 ? ": RUNLOG_TOKEN is sent as bearer token" : "";
    return new RunlogError(CODES[status] ?? "store-failed", `${message}${advice}`, { status });
  }

  async function ask(path: string, body?: object): Promise<Record<string, unknown>> {
    waiting.begin(`the server at ${base}`);
    return tryAsk(path, body).finally(() => waiting.end());
  }

  async function tryAsk(path: string, body?: object): Promise<Record<string, unknown>> {
    const init: RequestInit = { headers: { ...authorization } };
    if (body) {
      init.method = "POST";
      init.body = JSON.stringify(body);
      init.headers = { ...authorization, "Content-Type": "application/json" };
    }
    for (;;) {
      try {
        const response = await fetch(`${base}${path}`, init);
        const answer: unknown = await response.json().catch(() => null);
        if (!response.ok) throw refusal(response.status, answer);
        if (!isObject(answer)) throw strange();
        return answer;
      } catch (error) {
        if (error instanceof RunlogError) throw error;
        // a large session takes its time; to ask again is to wait on for the same
        if (causeOf(error) === "UND_ERR_HEADERS_TIMEOUT") continue;
        const text = `The server at ${base} cannot be reached (${reasonOf(error)}): is it running?`;
        throw new RunlogError("store-unanswered", text, { cause: error });
      }
    }
  }

  const pathOf = ({ project, session }: SessionKey): string =>
    `/api/projects/${project}/agentic-sessions/${encodeURIComponent(session)}`;

  return {
    async *select({ keys, project, olderThanMs }, nowMs) {
      yield* keys;
      if (keys.length > 0) return;
      if (project === null)
        throw new UsageError("With --server, name sessions or a --project: it lists no others");
      const found: SessionKey[] = [];
      for (let offset: number | null = 0; offset !== null;) {
        const path = `/api/projects/${project}/agentic-sessions?limit=${PAGE}&offset=${offset}`;
        const page = await ask(path);
        const items = itemsOf(page);
        if (!items) throw strange();
        for (const { session, createdAtMs } of items)
          if (olderThanMs === null || nowMs - createdAtMs >= olderThanMs)
            found.push({ project, session });
        const next = page["nextOffset"];
        offset = typeof next === "number" && next > offset ? next : null;
      }
      yield* found;
    },

    async archive(key, options) {
      const answer: object = await ask(`${pathOf(key)}/archive`, options);
      if (!("logs" in answer) || !Array.isArray(answer.logs)) throw strange();
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- PROTOCOL 16
      return answer as ArchiveSummary;
    },

    async restore(key) {
      const { logId } = await ask(`${pathOf(key)}/restore`, {});
      if (typeof logId !== "string") throw strange();
      return logId;
    },
  };
}

/** The sessions of a page; null if it is none. */
function itemsOf({
  items,
}: Record<string, unknown>): { session: string; createdAtMs: number }[] | null {
  if (!Array.isArray(items)) return null;
  return items.flatMap((item: unknown) => {
    const metadata = isObject(item) && isObject(item["metadata"]) ? item["metadata"] : {};
    const { name, creationTimestamp } = metadata;
    const createdAtMs = Date.parse(String(creationTimestamp));
    return typeof name === "string" ? [{ session: name, createdAtMs }] : [];
  });
}

function causeOf(error: unknown): unknown {
  const cause = error instanceof Error ? error.cause : null;
  return cause instanceof Error && "code" in cause ? cause.code : null;
}
