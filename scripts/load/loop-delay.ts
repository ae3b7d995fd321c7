// Loaded into the server's process: tells every second how late its event loop was.
import { monitorEventLoopDelay } from "node:perf_hooks";

/** Over the last second, in milliseconds. */
export interface LoopDelay {
  readonly p99Ms: number;
  readonly maxMs: number;
}

const RESOLUTION_MS = 10;
const NANOSECONDS = 1e6;

const histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
histogram.enable();
setInterval(() => {
  // a timer of this resolution is late by that much when nothing is
  const late = (ns: number): number => Math.max(0, ns / NANOSECONDS - RESOLUTION_MS);
  const delay: LoopDelay = { p99Ms: late(histogram.percentile(99)), maxMs: late(histogram.max) };
  histogram.reset();
  if (process.connected) process.send?.(delay);
}, 1_000).unref();
process.channel?.unref();
