import type { Spent } from "./cost.ts";

const TICK_MS = 5;

/**
 * What work in this process costs: its time, and how long it kept timers waiting by computing. What
 * other processes of a busy machine take meanwhile is none of it.
 */
export async function spentIn(work: () => Promise<Pick<Spent, "bytes">>): Promise<Spent> {
  let heldMs = 0;
  let lastMs = computedMs();
  const ticks = setInterval(() => {
    const nowMs = computedMs();
    heldMs = Math.max(heldMs, nowMs - lastMs);
    lastMs = nowMs;
  }, TICK_MS);
  const startedAtMs = performance.now();
  try {
    const more = await work();
    // what comes after the last tick kept timers waiting as well
    heldMs = Math.max(heldMs, computedMs() - lastMs);
    return { seconds: (performance.now() - startedAtMs) / 1_000, heldMs, ...more };
  } finally {
    clearInterval(ticks);
  }
}

/** Time of this thread on a processor, in ms. */
function computedMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1_000;
}
