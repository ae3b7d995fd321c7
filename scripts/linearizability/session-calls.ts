import { parseCursor } from "../../src/core/model/cursor.ts";
import type { Effect } from "./history.ts";
import type { Actor, Pending, Recorder } from "./recorder.ts";

/** Where a call goes, and when its caller gives up. */
export interface Target extends Actor {
  /** The server's origin. */
  readonly origin: string;
  readonly signal: AbortSignal;
}

/** What became of a call, for counting. */
export type Outcome = "done" | "refused" | "unknown";

/** Where a log was found to end. */
export interface EndRead {
  readonly outcome: Outcome;
  /** Null where there is no log, or nobody said. */
  readonly cursor: string | null;
}

const B = "/api/projects/linear/agentic-sessions";

/** Answers that say that nothing was done. */
const REFUSALS: ReadonlySet<string> = new Set(["/problems/log-not-owned", "/problems/overloaded"]);

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: unknown;
}

export function pathOf(session: string): string {
  return `${B}/${session}`;
}

export function postRun(
  to: Target,
  recorder: Recorder,
  run: string,
  attempt: number,
): Promise<Outcome> {
  const body = {
    runId: run,
    messages: [{ id: `m-${run}`, role: "user", content: run }],
    // stored beside the messages, which are not stored twice
    forwardedProps: { attempt },
  };
  return write(
    to,
    recorder,
    { kind: "admit", run },
    { path: "/agui/run", body },
    ({ status, type }) => {
      if (status === 200) return { kind: "admit", run };
      return status === 409 && type === "/problems/run-active"
        ? { kind: "full", alongside: 0 }
        : null;
    },
  );
}

export function postFeedback(to: Target, recorder: Recorder, number: number): Promise<Outcome> {
  const effect = { kind: "append", name: `meta ${number}` } as const;
  const body = {
    type: "META",
    metaType: "thumbs_up",
    payload: { number },
    threadId: recorder.session,
  };
  return write(
    to,
    recorder,
    effect,
    { path: "/agui/feedback", body },
    ({ status, body: answer }) => {
      const { message }: { message?: string } = Object(answer);
      if (status === 200 && message === "Feedback submitted") return effect;
      // by the store, or because the runner does not have it: then nothing is stored
      return status === 200 || status === 202 ? "refused" : null;
    },
  );
}

export function createSession(to: Target, recorder: Recorder): Promise<Outcome> {
  const request = { path: null, body: { name: recorder.session } };
  return write(to, recorder, { kind: "create", created: true }, request, ({ status, type }) => {
    if (status === 201) return { kind: "create", created: true };
    const exists = status === 409 && type === "/problems/session-exists";
    return exists ? { kind: "create", created: false } : null;
  });
}

export function deleteSession(to: Target, recorder: Recorder): Promise<Outcome> {
  const request = { path: "", method: "DELETE" };
  return write(to, recorder, { kind: "delete", found: true }, request, ({ status }) => {
    if (status === 204) return { kind: "delete", found: true };
    return status === 404 ? { kind: "delete", found: false } : null;
  });
}

/** The whole log, as it was at some moment of the call. */
export async function exportLog(to: Target, recorder: Recorder): Promise<Outcome> {
  const pending = recorder.begin(to, null);
  try {
    const response = await fetch(
      `${to.origin}${pathOf(recorder.session)}/export?view=raw&format=ndjson`,
      { signal: to.signal },
    );
    const text = await response.text();
    if (response.status === 404) return finish(pending, { kind: "absent" });
    if (response.status !== 200) return finish(pending, null);
    const lines = text
      .split("\n")
      .slice(0, -1)
      .map((line) => recorder.line(line));
    return finish(pending, { kind: "read", log: null, from: 0, lines, whole: true });
  } catch {
    return finish(pending, null);
  }
}

/** Where the log ends: its cursor, or null where there is none. */
export async function readEnd(to: Target, recorder: Recorder): Promise<EndRead> {
  const pending = recorder.begin(to, null);
  try {
    const response = await fetch(`${to.origin}${pathOf(recorder.session)}/agui/messages`, {
      method: "HEAD",
      signal: to.signal,
    });
    if (response.status === 404)
      return { outcome: finish(pending, { kind: "absent" }), cursor: null };
    const [, cursor = ""] = /^"([a-z0-9-]+)/.exec(response.headers.get("ETag") ?? "") ?? [];
    const at = parseCursor(cursor);
    if (response.status !== 200 || !at) return { outcome: finish(pending, null), cursor: null };
    const outcome = finish(pending, {
      kind: "read",
      log: at.logId,
      from: at.offset,
      lines: [],
      whole: true,
    });
    return { outcome, cursor };
  } catch {
    return { outcome: finish(pending, null), cursor: null };
  }
}

async function write(
  to: Target,
  recorder: Recorder,
  intent: Effect,
  request: { readonly path: string | null; readonly method?: string; readonly body?: unknown },
  meaningOf: (answer: Answer) => Effect | "refused" | null,
): Promise<Outcome> {
  const { path, method = "POST", body } = request;
  const pending = recorder.begin(to, intent);
  try {
    const response = await fetch(
      `${to.origin}${path === null ? B : pathOf(recorder.session) + path}`,
      {
        method,
        signal: to.signal,
        ...(body !== undefined && {
          body: JSON.stringify(body),
          headers: { "Content-Type": "application/json" },
        }),
      },
    );
    const text = await response.text();
    const answer: unknown = text === "" ? {} : JSON.parse(text);
    const { type = "" }: { type?: string } = Object(answer);
    const meaning = meaningOf({ status: response.status, type, body: answer });
    if (meaning === "refused" || (meaning === null && REFUSALS.has(type))) {
      pending.refused();
      return "refused";
    }
    return finish(pending, meaning);
  } catch (error) {
    if (!isNeverConnected(error)) return finish(pending, null);
    pending.unsent();
    return "refused";
  }
}

function finish(pending: Pending, effect: Effect | null): Outcome {
  if (effect) pending.done(effect);
  else pending.unknown();
  return effect ? "done" : "unknown";
}

/** Whether nobody listened: then nobody can have done anything. */
function isNeverConnected(error: unknown): boolean {
  const cause: unknown = error instanceof Error ? error.cause : null;
  return cause instanceof Error && "code" in cause && cause.code === "ECONNREFUSED";
}
