export type { AgentFetch } from "./agent.ts";
export { createMemorySpool } from "./memory-spool.ts";
export { createRelay } from "./relay.ts";
export type { Relay, RelayOptions } from "./relay.ts";
export type { RelaySpool, SpoolLog, SpoolLogInfo } from "../ports/relay-spool.ts";
