import { open } from "node:fs/promises";
import type { LogSession } from "../bench/data-dir.ts";

const TAIL_BYTES = 64 * 1024;
const LF = 10;

/** Cursors of the last events of a log, without that of the very last one. */
export async function lateCursors({ rawPath, endCursor, log }: LogSession): Promise<string[]> {
  const start = Math.max(0, log.bytes - TAIL_BYTES);
  const tail = Buffer.alloc(log.bytes - start);
  const handle = await open(rawPath);
  try {
    await handle.read(tail, 0, tail.length, start);
  } finally {
    await handle.close();
  }
  const prefix = endCursor.slice(0, endCursor.lastIndexOf("r") + 1);
  const cursors: string[] = [];
  for (let at = tail.indexOf(LF); at !== -1 && at < tail.length - 1; at = tail.indexOf(LF, at + 1))
    cursors.push(`${prefix}${start + at + 1}`);
  return cursors;
}
