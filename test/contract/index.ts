export { legacyLogsContract } from "./legacy-logs.ts";
export type { LegacyLogsContractOptions, LegacyLogsHarness, LegacyFiles } from "./legacy-logs.ts";
export { authorizerContract } from "./authorizer.ts";
export type {
  AuthorizerContractOptions,
  AuthorizerHarness,
  TestGrant,
  TestUser,
} from "./authorizer.ts";
export { liveFeedContract } from "./live-feed.ts";
export type { LiveFeedContractOptions, LiveFeedHarness } from "./live-feed.ts";
export { logStoreContract } from "./log-store/index.ts";
export type { LogStoreContractOptions, LogStoreHarness } from "./log-store/index.ts";
export { logStoreMatchesModel } from "./log-store/model.ts";
export type { LogStoreModelOptions } from "./log-store/model.ts";
export { objectBucketContract } from "./object-bucket.ts";
export type { ObjectBucketContractOptions } from "./object-bucket.ts";
export { runnerClientContract } from "./runner-client.ts";
export type {
  RecordedRequest,
  RunnerClientContractOptions,
  RunnerClientHarness,
  ScriptedExchange,
  ScriptedRunner,
} from "./runner-client.ts";
export { sessionDirectoryContract } from "./session-directory/index.ts";
export type {
  SessionDirectoryContractOptions,
  SessionDirectoryHarness,
} from "./session-directory/index.ts";
export {
  agentsContract,
  sessionRoutesContract,
  storedSessionsContract,
} from "./session-routes/index.ts";
export type { SessionRoutesContractOptions, SessionRoutesHarness } from "./session-routes/index.ts";
export { sessionPlatformContract } from "./session-platform.ts";
export type { SessionPlatformContractOptions, SessionPlatformHarness } from "./session-platform.ts";
