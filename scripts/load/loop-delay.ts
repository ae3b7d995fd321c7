// Loaded into the server's process: tells every second how late its event loop was.
import { monitorEventLoopDelay } from "node:perf_hooks";

/** Over the last second, in milliseconds. */
export interface LoopDelay {
  readonly p99Ms: number;
  readonly maxMs: number;
  /**
   * The most processor time that the loop's thread took between two chances for a timer: how long it
   * kept others waiting, whatever else the machine is busy with. Up to 5 ms too much.
   */
  readonly maxCpuMs: number;
}

const RESOLUTION_MS = 10;
const CPU_TICK_MS = 5;
const NANOSECONDS = 1e6;
const MICROSECONDS = 1e3;

const histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
histogram.enable();
let usage = process.threadCpuUsage();
let maxCpuMs = 0;
setInterval(() => {
  const { user, system } = process.threadCpuUsage(usage);
  maxCpuMs = Math.max(maxCpuMs, (user + system) / MICROSECONDS);
  usage = process.threadCpuUsage();
}, CPU_TICK_MS).unref();
setInterval(() => {
  // a timer of this resolution is late by that much when nothing is
  const late = (ns: number): number => Math.max(0, ns / NANOSECONDS - RESOLUTION_MS);
  const { max } = histogram;
  const delay: LoopDelay = { p99Ms: late(histogram.percentile(99)), maxMs: late(max), maxCpuMs };
  histogram.reset();
  maxCpuMs = 0;
  if (process.connected) process.send?.(delay);
}, 1_000).unref();
process.channel?.unref();
