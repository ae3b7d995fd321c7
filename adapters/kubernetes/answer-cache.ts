import type { Clock } from "../../src/ports/clock.ts";
import { BoundedMap } from "../../src/stream/sync/bounded-map.ts";

export interface AnswerCacheOptions<T> {
  readonly clock: Clock;
  /** How long an answer counts. */
  readonly keepMs: (answer: T) => number;
  /** Default 10,000; the one that was asked for first gives way. */
  readonly maxEntries?: number;
}

/** Answers of somebody who is slow to ask. Failures are not remembered. */
export interface AnswerCache<T> {
  /**
   * The answer for `id`, from `ask` unless it is known. Those who want the same at once share one
   * question. `isFresh` asks in any case, on its own: what was asked before may be answered as it was.
   */
  get(id: string, ask: () => Promise<T>, options?: { readonly isFresh?: boolean }): Promise<T>;
}

interface Entry<T> {
  readonly answer: T;
  readonly untilMs: number;
  /** Number of the question, so that a slow answer does not replace that of a later one. */
  readonly question: number;
}

const MAX_ENTRIES = 10_000;

export function createAnswerCache<T>(options: AnswerCacheOptions<T>): AnswerCache<T> {
  const { clock, keepMs, maxEntries = MAX_ENTRIES } = options;
  const known = new BoundedMap<string, Entry<T>>(maxEntries);
  const asked = new Map<string, Promise<T>>();
  let questions = 0;

  async function askNow(id: string, ask: () => Promise<T>): Promise<T> {
    const question = ++questions;
    const answer = await ask();
    const other = known.get(id);
    if (other && other.question > question) return answer;
    known.set(id, { answer, question, untilMs: clock.now() + keepMs(answer) });
    return answer;
  }

  return {
    async get(id, ask, { isFresh = false } = {}) {
      if (isFresh) return askNow(id, ask);
      const entry = known.get(id);
      if (entry && entry.untilMs > clock.now()) return entry.answer;
      const underWay = asked.get(id);
      if (underWay) return underWay;
      const answer = askNow(id, ask).finally(() => asked.delete(id));
      asked.set(id, answer);
      return answer;
    },
  };
}
