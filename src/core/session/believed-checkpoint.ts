import type { Logger } from "../../ports/logger.ts";
import type { LogStat, LogStore, SessionKey } from "../../ports/log-store.ts";
import { isLineStart } from "../log/scan-event-facts.ts";
import { type Checkpoint, decodeCheckpoint, isOddCheckpoint } from "../model/checkpoint.ts";
import { EMPTY_STATE } from "../model/session-state.ts";

interface BelievedCheckpoint extends Checkpoint {
  /** Where the log ended when the checkpoint was made; `NOT_BELIEVED` if it cannot be trusted. */
  readonly offset: number;
}

/** The offset of a checkpoint that cannot be trusted: where the log ended is unknown. */
export const NOT_BELIEVED: number = Number.POSITIVE_INFINITY;

/**
 * The checkpoint if it can be trusted; else an empty one, which costs the time to fold the log.
 * Throws what the store throws.
 */
export async function believedCheckpoint(
  { store, logger }: { readonly store: LogStore; readonly logger: Logger },
  key: SessionKey,
  { logId, head, end }: LogStat,
): Promise<BelievedCheckpoint> {
  const saved = decodeCheckpoint(head);
  const { offset } = saved.state;
  // a store that another process writes may have a newer head than end
  if (offset > end.raw) return { ...saved, state: EMPTY_STATE, offset };
  const isAtLine = offset === end.raw || (await isLineStart(store, key, { logId, offset }));
  if (isAtLine && !isOddCheckpoint(head)) return { ...saved, offset };
  logger.warn("head-not-believed", { ...key, offset });
  return { ...saved, state: EMPTY_STATE, offset: NOT_BELIEVED };
}
