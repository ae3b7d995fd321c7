import { createMemoryLiveFeed } from "../../adapters/memory/index.ts";
import {
  createSessions,
  type Sessions,
  type SessionsOptions,
} from "../../src/core/session/session-registry.ts";
import { createByteBudget } from "../../src/stream/sync/byte-budget.ts";
import { createManualClock } from "./manual-clock.ts";
import { noLegacyLogs } from "./no-legacy-logs.ts";

/** Logs nothing. */
export const silent = { info() {}, warn() {}, error() {} };

const RING_BYTES = 1_000;

/** The sessions of a store: alone with it and of a time that stands still, unless told otherwise. */
export function sessionsOf(
  store: SessionsOptions["store"],
  options: Partial<SessionsOptions> = {},
): Sessions {
  const { ringBytes = RING_BYTES } = options;
  return createSessions({
    store,
    legacyImports: noLegacyLogs,
    feed: createMemoryLiveFeed(),
    clock: createManualClock(),
    logger: silent,
    ringBytes,
    ringBudget: createByteBudget(ringBytes),
    idleMs: 1_000,
    ...options,
  });
}
