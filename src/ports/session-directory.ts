import type { SessionKey } from "./log-store.ts";

/** What a list row is sorted and searched by: all that is kept of a session during a listing. */
export interface SessionRow {
  readonly session: string;
  /** Epoch ms. */
  readonly createdAtMs: number;
  readonly displayName: string;
  readonly initialPrompt: string;
}

/** A session as clients see it: the JSON document of the HTTP contract, ready to be serialised. */
export interface SessionDocument {
  readonly metadata: { readonly name: string; readonly namespace: string; readonly uid: string } & {
    readonly [field: string]: unknown;
  };
  readonly status?: { readonly phase?: string } & { readonly [field: string]: unknown };
  readonly [field: string]: unknown;
}

/**
 * Which sessions exist, in which project, and where their runner is.
 *
 * **Consistency.** `get` reflects every creation and deletion that was finished before the call.
 * `rows` yields each session that existed during the whole of the iteration exactly once, in no
 * particular order, in bounded memory; one that came or went meanwhile may or may not be there.
 *
 * **Failures**: `store-failed` and its kin when the source cannot be read. A name that does not
 * exist is null or empty, not a failure.
 */
export interface SessionDirectory {
  /** The session's document, or null. */
  get(key: SessionKey): Promise<SessionDocument | null>;

  /** Every session of a project, streamed. */
  rows(project: string, options?: { readonly signal?: AbortSignal }): AsyncIterable<SessionRow>;

  /** The projects that hold a session of this name. */
  projectsWith(session: string): Promise<readonly string[]>;

  /** Base URL of the session's runner, with a slash at its end. */
  addressOf(key: SessionKey): Promise<string>;
}
