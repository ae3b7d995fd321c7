export { createMemoryLiveFeed } from "./live-feed.ts";
export { createMemoryLogStore } from "./log-store.ts";
export type { MemoryLogStoreOptions } from "./log-store.ts";
export { createMemoryObjectBucket } from "./object-bucket.ts";
export { createMemoryAuthorizer, type MemoryGrant, type MemoryUser } from "./authorizer.ts";
export { createMemoryDirectory, type MemoryDirectoryOptions } from "./session-directory.ts";
export {
  createMemoryPlatform,
  type MemoryPlatform,
  type MemoryPlatformOptions,
  type PlatformNote,
} from "./session-platform.ts";
