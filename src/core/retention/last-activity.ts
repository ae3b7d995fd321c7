import type { LogReader, LogStat, SessionKey } from "../../ports/log-store.ts";
import { decodeCheckpoint } from "../model/checkpoint.ts";

/** Bytes at the end of a log in which a time is looked for. */
const TAIL_BYTES = 64 * 1024;
const TIMESTAMP = /"timestamp":(\d{13})\b/g;

/**
 * When a session was used last, in epoch ms: when its checkpoint was saved. For a log of an earlier version, whose
 * checkpoint does not say, the latest `timestamp` at the end of the log, or null where there is none. A session in which nothing
 * was ever stored was used when it was made.
 */
export async function lastActivityOf(
  reader: Pick<LogReader, "read">,
  key: SessionKey,
  stat: LogStat,
  nowMs: number,
): Promise<number | null> {
  const { logId, createdAtMs, end, head } = stat;
  const { savedAtMs } = decodeCheckpoint(head);
  if (savedAtMs !== null) return savedAtMs;
  if (end.raw === 0) return createdAtMs;
  const start = Math.max(0, end.raw - TAIL_BYTES);
  let text = "";
  const decoder = new TextDecoder();
  for await (const chunk of reader.read(key, { logId, start, end: end.raw }))
    text += decoder.decode(chunk, { stream: true });
  const times = [...text.matchAll(TIMESTAMP)].map(([, digits]) => Number(digits));
  // an agent's clock may be wrong: what has not come yet says nothing
  const plausible = times.filter((ms) => ms >= createdAtMs && ms <= nowMs);
  return plausible.length === 0 ? null : Math.max(...plausible);
}
