import type { ArchiveSummary } from "../../core/lifecycle/archive-session.ts";
import { isObject } from "../../core/model/json-fields.ts";
import { RunlogError, type RunlogErrorCode } from "../../ports/errors.ts";
import type { SessionKey } from "../../ports/log-store.ts";
import { UsageError } from "../exit.ts";
import type { Selection } from "./selection.ts";

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
  const base = baseOf(url);
  const authorization = token === "" ? {} : { Authorization: `Bearer ${token}` };

  async function ask(path: string, body?: object): Promise<unknown> {
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
        if (response.ok) return answer;
        throw refusal(response.status, answer);
      } catch (error) {
        if (error instanceof RunlogError) throw error;
        // a large session takes its time; to ask again is to wait on for the same
        if (causeOf(error) === "UND_ERR_HEADERS_TIMEOUT") continue;
        throw new RunlogError("store-unanswered", `The server at ${base} cannot be reached`, {
          cause: error,
        });
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
        for (const { session, createdAtMs } of itemsOf(page))
          if (olderThanMs === null || nowMs - createdAtMs >= olderThanMs)
            found.push({ project, session });
        const next: unknown = isObject(page) ? page["nextOffset"] : undefined;
        offset = typeof next === "number" && next > offset ? next : null;
      }
      yield* found;
    },

    async archive(key, options) {
      const answer = await ask(`${pathOf(key)}/archive`, options);
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- PROTOCOL 16
      return answer as ArchiveSummary;
    },

    async restore(key) {
      const answer = await ask(`${pathOf(key)}/restore`, {});
      return isObject(answer) ? String(answer["logId"]) : "";
    },
  };
}

function itemsOf(page: unknown): { session: string; createdAtMs: number }[] {
  const items: unknown = isObject(page) ? page["items"] : null;
  if (!Array.isArray(items)) return [];
  return items.flatMap((item: unknown) => {
    const metadata = isObject(item) && isObject(item["metadata"]) ? item["metadata"] : {};
    const { name, creationTimestamp } = metadata;
    const createdAtMs = Date.parse(String(creationTimestamp));
    return typeof name === "string" ? [{ session: name, createdAtMs }] : [];
  });
}

/** The server's refusal, in its own words (PROTOCOL 1.1). */
function refusal(status: number, answer: unknown): RunlogError {
  const detail = isObject(answer) && typeof answer["detail"] === "string" ? answer["detail"] : null;
  const message = detail ?? `The server answered ${status}`;
  return new RunlogError(CODES[status] ?? "store-failed", message, { status });
}

function causeOf(error: unknown): unknown {
  const cause = error instanceof Error ? error.cause : null;
  return cause instanceof Error && "code" in cause ? cause.code : null;
}

function baseOf(url: string): string {
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol))
    throw new UsageError(`--server is the http(s) URL of a server, not "${url}"`);
  return url.replace(/\/+$/, "");
}
