import type { LiveFeed, LogGrowth } from "../../src/ports/live-feed.ts";
import { idOf } from "../../src/ports/session-id.ts";

/** One subscription. An object of its own, so that one function can listen twice. */
interface Subscription {
  readonly listener: (growth: LogGrowth) => void;
}

/**
 * A LiveFeed within one process: `publish` calls the session's listeners before it returns. It
 * holds nothing for a session without listeners.
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
  const subscriptions = new Map<string, Set<Subscription>>();

  return {
    publish(growth) {
      const listening = subscriptions.get(idOf(growth));
      if (listening === undefined) return;
      // a copy: a listener that subscribes during this call must not be called for this growth
      for (const subscription of Array.from(listening)) {
        if (!listening.has(subscription)) continue;
        try {
          subscription.listener(growth);
        } catch {
          // one listener failed: it asks the store soon, and the others are still called
        }
      }
    },

    subscribe(key, listener) {
      const name = idOf(key);
      const subscription = { listener };
      const listening = subscriptions.get(name) ?? new Set();
      listening.add(subscription);
      subscriptions.set(name, listening);
      return () => {
        listening.delete(subscription);
        if (listening.size === 0 && subscriptions.get(name) === listening)
          subscriptions.delete(name);
      };
    },
  };
}
