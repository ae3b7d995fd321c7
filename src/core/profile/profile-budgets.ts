import { createByteBudget } from "../../stream/sync/byte-budget.ts";
import { createBytesInFlight } from "../../stream/sync/bytes-in-flight.ts";
import { createTimeSlicer } from "../../stream/sync/time-slicer.ts";
import type { SharedReads } from "../replay/log-follower.ts";
import type { ProfileBudgets } from "./profile-pass.ts";

/** With smaller reads replays are slower; with larger ones each viewer holds more. */
const READ_BYTES = { minBytes: 4 * 1024, maxBytes: 64 * 1024 } as const;

/** Time in ms of each turn of the event loop in which reads are begun (decision 014). */
const READ_TURN_MS = 2;
/**
 * Time in ms of each turn for making valid streams of what was read; with less most of a turn is
 * waiting.
 */
const PROFILE_TURN_MS = 8;

/** How much of a process its viewers may use, in bytes. */
interface ViewingLimits {
  readonly messageBudgetBytes: number;
  readonly lineBudgetBytes: number;
  readonly replayBytes: number;
}

/** The budgets that all viewers of a process share. */
export function createProfileBudgets(limits: ViewingLimits): ProfileBudgets {
  return {
    messages: createByteBudget(limits.messageBudgetBytes),
    lines: createByteBudget(limits.lineBudgetBytes),
    reads: createReads(limits),
    turns: createTimeSlicer({ turnMs: PROFILE_TURN_MS }),
  };
}

function createReads({ replayBytes }: ViewingLimits): SharedReads {
  return {
    bytes: createBytesInFlight({ limitBytes: replayBytes, ...READ_BYTES }),
    turns: createTimeSlicer({ turnMs: READ_TURN_MS }),
  };
}
