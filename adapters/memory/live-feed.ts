import type { LiveFeed, LogGrowth } from "../../src/ports/live-feed.ts";
import { idOf } from "../../src/ports/session-id.ts";
import { createKeyedListeners } from "../../src/stream/sync/keyed-listeners.ts";

/**
 * A LiveFeed within one process: `publish` calls the session's listeners before it returns. It
 * holds nothing for a session without listeners, and hears no other process.
 *
 * @example
 * ```ts
 * import { createMemoryLiveFeed } from "runlog/memory";
 *
 * const feed = createMemoryLiveFeed();
 * const stop = feed.subscribe({ project: "p", session: "s" }, ({ end }) => console.log(end));
 * ```
 */
export function createMemoryLiveFeed(): LiveFeed {
  const listeners = createKeyedListeners<LogGrowth>();

  return {
    hearsOthers: false,
    publish: (growth) => listeners.call(idOf(growth), growth),
    subscribe: (key, listener) => listeners.add(idOf(key), listener),
  };
}
