import { parseCursor } from "../../src/core/model/cursor.ts";
import { createEventFrames } from "./event-frames.ts";
import { createStreamChecker, type SeenRange, type StreamChecker } from "./stream-checker.ts";

/** Follows one connection that begins with a snapshot, or with finished runs compacted. */
export interface ViewChecker {
  /** Takes the next bytes of the connection's body. */
  push(bytes: Buffer): void;
  /** What was seen of the raw log, exactly; null before a second event of it. */
  readonly seen: SeenRange | null;
  readonly violations: readonly string[];
}

/**
 * A checker for what comes before the raw log, by its cursors: first events without any (a snapshot),
 * then those of the compacted log, each after the one before by its length at least (between runs lie
 * trailers that are not sent), then those of the raw log. From the first cursor of the raw log on it
 * is a `StreamChecker`.
 */
export function createViewChecker(): ViewChecker {
  const violations: string[] = [];
  let last: { readonly place: string; readonly offset: number } | null = null;
  let raw: StreamChecker | null = null;

  function take(data: Buffer, id: string | null): void {
    if (raw) return raw.take(data, id);
    if (id === null) {
      if (last !== null) violations.push(`an event without a cursor behind ${last.place}`);
      return;
    }
    const cursor = parseCursor(id);
    if (cursor === null) return void violations.push(`no cursor: ${id}`);
    if (last !== null && !last.place.startsWith(`${cursor.logId}-`))
      violations.push(`another log: ${id} behind ${last.place}`);
    if (cursor.log === "raw") {
      raw = createStreamChecker({ cursor: id });
      return;
    }
    const place = `${cursor.logId}-c${cursor.generation}`;
    if (last !== null && last.place !== place)
      violations.push(`another generation: ${id} behind ${last.place}`);
    if (last !== null && cursor.offset < last.offset + data.length + 1)
      violations.push(`seen twice or out of order: ${id} behind ${last.offset}`);
    last = { place, offset: cursor.offset };
  }

  const frames = createEventFrames({
    onEvent: take,
    onOther: (text) => violations.push(`no frame: ${text}`),
  });
  return {
    push: (bytes) => frames.push(bytes),
    get seen() {
      return raw === null || raw.events === 0 ? null : raw.seen;
    },
    get violations() {
      return [...violations, ...(raw?.violations ?? [])];
    },
  };
}
