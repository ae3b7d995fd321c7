import type { Caller } from "./authorizer.ts";
import type { SessionKey } from "./log-store.ts";
import type { NamedAgent } from "./named-agent.ts";

/** Labels or annotations. */
export type SessionTags = Readonly<Record<string, string>>;

/** What a session is to do: `spec` of its document. */
export type SessionSpec = Readonly<Record<string, unknown>>;

/** A session as clients see it: the JSON document of the HTTP contract, ready to be serialised. */
export interface SessionDocument {
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly uid: string;
    readonly labels?: SessionTags;
    readonly annotations?: SessionTags;
  } & { readonly [field: string]: unknown };
  readonly spec: SessionSpec;
  readonly status?: { readonly phase?: string } & { readonly [field: string]: unknown };
  readonly [field: string]: unknown;
}

/** A session to be made: the part of its document that the caller decides. */
export interface NewSession {
  readonly metadata: { readonly labels?: SessionTags; readonly annotations?: SessionTags };
  readonly spec: SessionSpec;
}

/** Selects a part of a project's sessions. */
export interface SessionQuery {
  /** Documents wanted, at least 1. */
  readonly limit: number;
  /** Sessions skipped. */
  readonly offset: number;
  /** Substring of name, display name or initial prompt, in any case; "" for all. */
  readonly search: string;
}

/** A part of a project's sessions. */
export interface SessionPage {
  /** In the order of `bySessionAge`. */
  readonly documents: readonly SessionDocument[];
  /** How many sessions match the search, on all pages. */
  readonly totalCount: number;
}

/**
 * The annotation that requests a phase, `Running` or `Stopped`, from whatever runs the sessions.
 */
export const DESIRED_PHASE = "ambient-code.io/desired-phase";

/**
 * Which sessions exist, in which project, and where their runner is.
 *
 * **Consistency.** Per session: linearisable. `get` reflects every `create`, `update` and `delete`
 * that was finished before the call. Updates take effect one after the other, each on what the one
 * before it left, also when they are made at once: none is lost. `page` reflects what was finished
 * through this directory before the call; what others did may be missing for a moment. The pages of
 * a project that stays as it is are disjoint and complete. A session that comes, changes or goes
 * meanwhile may be there as it was or as it is; one that goes may leave its place on the page
 * empty. Memory is bounded by the number of sessions, not by their size.
 *
 * **Identity.** Name, namespace and uid are the directory's: no update changes them, and a session
 * that is made again under its name has another uid.
 *
 * **Failures** are `RunlogError`s: `session-exists` (create), `document-too-large` (create,
 * update), `session-conflict` (update, when others were faster again and again), `token-invalid`
 * and `access-denied` (the source refuses the caller), `platform-failed`, `store-failed` and its
 * kin when the source cannot be read or written; then nothing was changed. A name that does not
 * exist is null, false or empty, not a failure.
 */
export interface SessionDirectory {
  /**
   * Whether a session exists as soon as it has a log: then anything may be stored for any name, and `delete` removes
   * what the log store has of the session. Otherwise sessions live outside the log store, and one has to be created before anything is
   * stored for it.
   */
  readonly logsMakeSessions: boolean;

  /**
   * The agents that a session can have, the first being that of sessions without one of their own; `spec.agent` of
   * its document names the one that it has. Empty: a session's agent has no name.
   */
  readonly agents: readonly NamedAgent[];

  /**
   * The same directory as this caller may use it: every request is made with the caller's token.
   * Without `as`, every request is made with runlog's own account.
   */
  as(caller: Caller): SessionDirectory;

  /** The session's document, or null. */
  get(key: SessionKey): Promise<SessionDocument | null>;

  /**
   * Makes a session; resolves with its document, completed by name, namespace, uid and
   * `creationTimestamp`. Labels, annotations and every field of the spec are kept.
   */
  create(key: SessionKey, session: NewSession): Promise<SessionDocument>;

  /**
   * Replaces the session's document by the result of `change`; resolves with that, or with null if
   * there is no session. `change` is pure: it may be called again when somebody else was faster. An
   * error that it throws is thrown, and the document stays.
   */
  update(
    key: SessionKey,
    change: (document: SessionDocument) => SessionDocument,
  ): Promise<SessionDocument | null>;

  /** Removes the session. False if there was none. */
  delete(key: SessionKey): Promise<boolean>;

  /** A page of a project's sessions, newest first. Rejects with the signal's reason when it aborts. */
  page(
    project: string,
    query: SessionQuery,
    options?: { readonly signal?: AbortSignal },
  ): Promise<SessionPage>;

  /** The projects that hold a session of this name. */
  projectsWith(session: string): Promise<readonly string[]>;

  /**
   * Base URL of the session's runner, with a slash at its end. `agent` is one of `agents`, for a session that has
   * none yet; default the first. Throws `agent-not-configured` for a session whose agent is none of them.
   */
  addressOf(key: SessionKey, agent?: string | null): Promise<string>;
}
