export { type Config, parseConfig } from "./config.ts";
export { type Archives, type ArchivesOptions, createArchives } from "./core/archive/archives.ts";
export {
  type Archiver,
  type ArchivingStore,
  type ArchivingStoreOptions,
  createArchivingStore,
} from "./core/archive/archiving-store.ts";
export type { LegacyOptions } from "./core/legacy/legacy-imports.ts";
export {
  createSessionService,
  type ServiceLimits,
  type SessionPorts,
  type SessionService,
  type SessionServiceOptions,
} from "./core/service.ts";
export { createAgentRoutes } from "./http/agent-routes.ts";
export { type AppOptions, createApp } from "./http/app.ts";
export type { Authorize, AuthorizedCaller } from "./http/authorize.ts";
export { createTokenAuthorize } from "./http/token-authorize.ts";
export {
  formatTokenEntry,
  parseTokenList,
  type TokenEntry,
  type TokenList,
  type TokenRight,
  tokenDigest,
} from "./core/model/token-list.ts";
export { createCopilotKitRoutes } from "./http/copilotkit/routes.ts";
export type { SessionServer } from "./http/copilotkit/session-calls.ts";
export { createSessionRoutes } from "./http/session-routes.ts";
export { createStreamRoutes } from "./http/stream-routes.ts";
export type * from "./ports/authorizer.ts";
export type { Clock } from "./ports/clock.ts";
export { RunlogError, type RunlogErrorCode } from "./ports/errors.ts";
export type { LegacyLogs } from "./ports/legacy-logs.ts";
export type { LiveFeed, LogGrowth, SubscribeOptions } from "./ports/live-feed.ts";
export type { AuditAction, AuditEntry, AuditLog } from "./ports/audit-log.ts";
export type { Logger, LogLevel, WriteLog } from "./ports/logger.ts";
export type * from "./ports/log-store.ts";
export type { NamedAgent } from "./ports/named-agent.ts";
export type * from "./ports/object-bucket.ts";
export type * from "./ports/runner-client.ts";
export type { PeerAddress, SessionOwner, SessionOwnership } from "./ports/session-owner.ts";
export type * from "./ports/session-directory.ts";
export type * from "./ports/session-platform.ts";
export { type ByteBudget, createByteBudget } from "./stream/sync/byte-budget.ts";
