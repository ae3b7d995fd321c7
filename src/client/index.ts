export { SessionClientError } from "./client-error.ts";
export type { AgUiEvent, EventsOptions, SessionEvent } from "./follow-events.ts";
export type { ClientFetch, ClientHeaders, ConnectionOptions } from "./requests.ts";
export {
  createSessionClient,
  type RemoteSession,
  type RequestOptions,
  type SessionClient,
} from "./session-client.ts";
export type {
  CreatedSession,
  EventPage,
  ExportQuery,
  Feedback,
  ForkedSession,
  ForkPoint,
  ListQuery,
  NewSession,
  PageQuery,
  RunFacts,
  RunIds,
  RunInput,
  RunPage,
  RunsQuery,
  SessionDocument,
  SessionMessage,
  SessionNow,
  SessionPage,
  SessionThen,
} from "./types.ts";
