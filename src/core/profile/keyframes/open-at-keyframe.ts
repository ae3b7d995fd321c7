import type { SessionUse } from "../../session/session-registry.ts";
import type { Pass } from "../profile-pass.ts";
import { createViewPass, type ViewPassOptions } from "../view-pass.ts";
import { chainOf, isOf, readIndex } from "./keyframe-index.ts";
import { restoreView } from "./restore-view.ts";

/**
 * A pass over the range of logs in `options.start` that goes on from the last keyframe in it, or begins where the range
 * does. One that is damaged is passed over. Throws what the store throws, and the signal's reason.
 */
export async function openAtKeyframe(
  use: SessionUse,
  options: ViewPassOptions,
  signal: AbortSignal,
): Promise<Pass> {
  const { budgets, start, store } = options;
  const { key } = use.session;
  const { compact, logId } = start;
  const stat = compact ? await store.stat(key) : null;
  if (!compact || !stat || stat.logId !== logId) return createViewPass(use, options);
  const { end, generation } = compact;
  const index = await readIndex(store, key, { logId, end: stat.end.keyframes });
  if (!index || !isOf(index, { logId, generation, start: compact.start }))
    return createViewPass(use, options);
  for (const frame of index.frames.filter(({ at }) => at <= end).toReversed()) {
    const rest = frame.at < end ? { generation, start: frame.at, end } : null;
    const pass = createViewPass(use, { ...options, start: { ...start, compact: rest } });
    const stop = (): void => pass.stop();
    signal.addEventListener("abort", stop);
    const records = { key, logId, generation, chain: chainOf(index, frame) };
    let isRestored = false;
    try {
      signal.throwIfAborted();
      isRestored = (await restoreView(store, pass, records, budgets.turns)) !== null;
      if (isRestored) return pass;
    } finally {
      signal.removeEventListener("abort", stop);
      if (!isRestored) pass.close();
    }
  }
  return createViewPass(use, options);
}
