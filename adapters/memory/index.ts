export { createMemoryLiveFeed } from "./live-feed.ts";
export { createMemoryLogStore } from "./log-store.ts";
export type { MemoryLogStoreOptions } from "./log-store.ts";
export { createMemoryObjectBucket } from "./object-bucket.ts";
