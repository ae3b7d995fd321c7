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
      // a copy: who subscribes during this call must not hear of this growth
      for (const subscription of Array.from(listening)) {
        if (!listening.has(subscription)) continue;
        try {
          subscription.listener(growth);
        } catch {
          // a hint that one listener failed to take: it looks for itself soon, the others still hear
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
