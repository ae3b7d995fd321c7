import type {
  AgUiEvent,
  CreatedSession,
  EventPage,
  ForkedSession,
  RunIds,
  RunPage,
  SessionDocument,
  SessionNow,
  SessionPage,
  SessionThen,
  StreamTicket,
} from "./api-types.ts";
import { type EventsOptions, followEvents, type SessionEvent } from "./follow-events.ts";
import { insist } from "./patience.ts";
import { randomId } from "./random-id.ts";
import {
  type ClientRequest,
  type ConnectionOptions,
  jsonOf,
  type Send,
  senderOf,
  sessionPath,
} from "./requests.ts";
import type {
  ExportQuery,
  Feedback,
  ForkPoint,
  ListQuery,
  NewSession,
  PageQuery,
  RunInput,
  RunsQuery,
} from "./types.ts";

/** The sessions of a project. Its methods throw SessionClientError where the server refuses or does not answer. */
export interface SessionClient {
  /** A page of the sessions, newest first. */
  list(query?: ListQuery): Promise<SessionPage>;
  /** Creates a session; one that is posted a run needs none. */
  create(session?: NewSession): Promise<CreatedSession>;
  /** One session, by its name. Nothing is asked of the server. */
  session(name: string): RemoteSession;
}

/** What the waiting for an answer can be given up by. */
export interface RequestOptions {
  readonly signal?: AbortSignal;
}

/** One session of a server. Its methods throw SessionClientError where the server refuses or does not answer. */
export interface RemoteSession {
  readonly name: string;
  /** The session's document. */
  get(options?: RequestOptions): Promise<SessionDocument>;
  /**
   * Starts a run, which goes on whoever watches, and resolves as soon as what it says is stored. A server that is away is asked
   * again, for `patienceMs` at most; the run is started once.
   */
  run(input: RunInput, options?: RequestOptions): Promise<RunIds>;
  /**
   * The events of the session, then those that come, each once and in order. Connects again by itself, with longer and
   * longer pauses. Ends when the signal aborts or the session has been deleted.
   *
   * @example
   * ```ts
   * for await (const { event, cursor } of session.events()) console.log(cursor, event.type);
   * ```
   */
  events(options?: EventsOptions): AsyncGenerator<SessionEvent, void, undefined>;
  /** Some events that follow each other, in either direction: the latest of a long log first, for example. */
  page(query?: PageQuery & RequestOptions): Promise<EventPage>;
  /** The session's runs, newest first. */
  runs(query?: RunsQuery & RequestOptions): Promise<RunPage>;
  /** Messages, state, runs and interrupts as they are now. */
  messages(options?: RequestOptions): Promise<SessionNow>;
  /** What a client has at a cursor, any that the log ever gave. */
  snapshot(at: string, options?: RequestOptions): Promise<SessionThen>;
  /** One stored event, of any size, by its cursor. */
  event(cursor: string, options?: RequestOptions): Promise<AgUiEvent>;
  /** The same as the text that was stored, in which numbers have all their digits. */
  eventText(cursor: string, options?: RequestOptions): Promise<string>;
  /** Makes a session of its own of the log up to a cursor. */
  fork(from: ForkPoint, options?: RequestOptions): Promise<ForkedSession>;
  /** The whole history as a file, of which nothing is read yet. */
  export(query?: ExportQuery & RequestOptions): Promise<Response>;
  /** Cancels a run; without an id the active one. */
  cancel(runId?: string, options?: RequestOptions): Promise<RunIds>;
  /** Asks the agent to interrupt the active run. */
  interrupt(options?: RequestOptions): Promise<void>;
  /** Passes feedback on to the agent. Resolves with whether the agent has it. */
  feedback(feedback: Feedback, options?: RequestOptions): Promise<boolean>;
  /** What the agent says that it can do. */
  capabilities(options?: RequestOptions): Promise<Readonly<Record<string, unknown>>>;
  /** A ticket for an `EventSource`, which cannot send a token: `<url>/<name>/agui/events?ticket=`. */
  ticket(options?: RequestOptions): Promise<StreamTicket>;
  /** Ends the session's runs and removes all that is stored of it. */
  delete(options?: RequestOptions): Promise<void>;
}

/**
 * A client of the sessions of one project, for browsers, Node and workers. It has no connection of its own.
 *
 * @example
 * ```ts
 * import { createSessionClient } from "runlog/client";
 *
 * const sessions = createSessionClient({ url: "/api/projects/demo/agentic-sessions" });
 * const hello = sessions.session("hello");
 * const { runId } = await hello.run({ messages: [{ role: "user", content: "Hi" }] });
 * for await (const { event } of hello.events())
 *   if (event.type === "RUN_FINISHED" && event.runId === runId) break;
 * ```
 */
export function createSessionClient(options: ConnectionOptions): SessionClient {
  const send = senderOf(options);
  return {
    list: ({ limit, offset, search } = {}) =>
      jsonOf(send({ path: withQuery("", { limit, offset, search }) })),
    create: (session = {}) => jsonOf(send({ path: "", method: "POST", body: session })),
    session: (name) => remoteSession(send, name, options),
  };
}

function remoteSession(send: Send, name: string, connection: ConnectionOptions): RemoteSession {
  const path = sessionPath(name);
  const post = (
    route: string,
    body: unknown,
    options?: Pick<ClientRequest, "signal" | "isPrompt">,
  ): Promise<Response> => send({ path: `${path}/${route}`, method: "POST", body, ...options });
  const get = <T>(route: string, options?: RequestOptions): Promise<T> =>
    jsonOf(send({ path: path + route, ...options }));
  const bodyOf = (cursor: string): string =>
    `${path}/agui/events/${encodeURIComponent(cursor)}/body`;
  return {
    name,
    get: (options) => get("", options),
    run(input, options) {
      const body = { runId: randomId(), ...input };
      const attempt = (): Promise<RunIds> =>
        jsonOf(post("agui/run", body, { ...options, isPrompt: true }));
      return insist(attempt, connection, options?.signal);
    },
    events: (options) => followEvents(send, name, { ...connection, ...options }),
    page: ({ signal, ...query } = {}) =>
      jsonOf(send({ path: withQuery(`${path}/agui/events/page`, { ...query }), signal })),
    runs: ({ signal, ...query } = {}) =>
      jsonOf(send({ path: withQuery(`${path}/runs`, { ...query }), signal })),
    messages: (options) => get("/agui/messages", options),
    snapshot: (at, options) => get(withQuery("/agui/snapshot", { at }), options),
    event: (cursor, options) => jsonOf(send({ path: bodyOf(cursor), ...options })),
    async eventText(cursor, options) {
      return (await send({ path: bodyOf(cursor), ...options })).text();
    },
    fork: (from, options) => jsonOf(post("fork", from, options)),
    export: ({ signal, ...query } = {}) =>
      send({ path: withQuery(`${path}/export`, query), signal }),
    cancel: (runId, options) =>
      jsonOf(post("agui/cancel", runId === undefined ? {} : { runId }, options)),
    async interrupt(options) {
      await post("agui/interrupt", {}, options);
    },
    async feedback(feedback, options) {
      const response = await post(
        "agui/feedback",
        { threadId: name, ...feedback, type: "META" },
        options,
      );
      return response.status === 200;
    },
    capabilities: (options) => get("/agui/capabilities", options),
    ticket: (options) => jsonOf(post("agui/ticket", {}, options)),
    async delete(options) {
      await send({ path, method: "DELETE", ...options });
    },
  };
}

function withQuery(
  path: string,
  query: Readonly<Record<string, string | number | undefined>>,
): string {
  const given = Object.entries(query).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, String(value)]],
  );
  return given.length === 0 ? path : `${path}?${new URLSearchParams(given)}`;
}
