export type {
  AgUiEvent,
  CreatedSession,
  EventPage,
  ForkedSession,
  RunFacts,
  RunIds,
  RunPage,
  SessionDocument,
  SessionMessage,
  SessionNow,
  SessionPage,
  SessionThen,
  StreamTicket,
  TokenUsage,
} from "./api-types.ts";
export { SessionClientError } from "./client-error.ts";
export type { EventsOptions, SessionEvent } from "./follow-events.ts";
export type { ClientFetch, ClientHeaders, ConnectionOptions } from "./requests.ts";
export {
  createSessionClient,
  type RemoteSession,
  type RequestOptions,
  type SessionClient,
} from "./session-client.ts";
export type {
  ExportQuery,
  Feedback,
  ForkPoint,
  ListQuery,
  NewSession,
  PageQuery,
  RunInput,
  RunsQuery,
} from "./types.ts";
