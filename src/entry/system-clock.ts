import type { Clock } from "../ports/clock.ts";
import { systemClock as machineClock } from "../stream/sync/system-clock.ts";

/** The machine's clock. */
export const systemClock: Clock = machineClock;
