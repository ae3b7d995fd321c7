import { open } from "node:fs/promises";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { LogSession } from "./data-dir.ts";

const TAIL_BYTES = 256 * 1024;
const POLL_MS = 250;
/** A log that does not grow for so many looks, and ends with an index, has what is due. */
const LOOKS = 8;
const TIMEOUT_MS = 300_000;

/** Waits until a session that was compacted has its keyframes; resolves with their bytes, 0 for none. */
export async function keyframesOnDisk(session: LogSession): Promise<number> {
  const path = join(dirname(session.rawPath), "keyframes.txt");
  const until = performance.now() + TIMEOUT_MS;
  let known = -1;
  for (let same = 0; same < LOOKS;) {
    const { size, isWhole } = await tailOf(path);
    same = size === known && isWhole ? same + 1 : 0;
    known = size;
    if (performance.now() > until) throw new Error(`${path} goes on growing`);
    await sleep(POLL_MS);
  }
  return known;
}

/** How long the log is, and whether it ends with an index. */
async function tailOf(path: string): Promise<{ size: number; isWhole: boolean }> {
  const file = await open(path).catch(() => null);
  if (!file) return { size: 0, isWhole: true };
  try {
    const { size } = await file.stat();
    const from = Math.max(0, size - TAIL_BYTES);
    const { buffer } = await file.read(Buffer.alloc(size - from), 0, size - from, from);
    return { size, isWhole: /(?:^|\n)#[^\n]*\n$/.test(buffer.toString("latin1")) };
  } finally {
    await file.close();
  }
}
