import type { Spent } from "./cost.ts";

const TICK_MS = 5;

/** What work in this process costs: its time, and how long it kept timers waiting. */
export async function spentIn(work: () => Promise<Pick<Spent, "bytes">>): Promise<Spent> {
  let heldMs = 0;
  let lastMs = performance.now();
  const ticks = setInterval(() => {
    const nowMs = performance.now();
    heldMs = Math.max(heldMs, nowMs - lastMs - TICK_MS);
    lastMs = nowMs;
  }, TICK_MS);
  const startedAtMs = performance.now();
  try {
    const more = await work();
    return { seconds: (performance.now() - startedAtMs) / 1_000, heldMs, ...more };
  } finally {
    clearInterval(ticks);
  }
}
