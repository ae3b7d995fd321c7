import type { CompactPosition } from "./compact-log.ts";
import type { CompactOptions } from "./compact-session.ts";
import { eachChunk } from "./each-chunk.ts";
import { EventSpans } from "./event-spans.ts";
import { RepeatedSnapshots } from "./repeated-snapshots.ts";
import { SeenIds } from "./seen-ids.ts";

/**
 * The ids that the log names up to the position, which the caller may add to: those that the compact log of
 * this process knows, or else those in its bytes, all of which are read then. Throws what the store throws.
 */
export async function seenIdsAt(
  {
    key,
    log,
    readable: { stat },
    signal,
    store,
  }: Omit<CompactOptions, "store"> & {
    readonly store: Pick<CompactOptions["store"], "read">;
  },
  { logId, start, end }: CompactPosition,
): Promise<SeenIds> {
  const { seen } = log;
  // what comes now may fail in its midst
  log.seen = null;
  const known = seen?.position;
  if (known?.logId === logId && known.start === start && known.end === end) return seen!.ids;
  const ids = new SeenIds();
  const snapshots = new RepeatedSnapshots(() => {}, ids);
  const spans = new EventSpans(start);
  await eachChunk({ key, store, stat, log: "compact", start, end, signal }, async (chunk) => {
    for (const { bytes } of spans.push(chunk)) snapshots.push(bytes);
    return true;
  });
  return ids;
}
