import type { EventBatch } from "../../ports/runner-client.ts";
import type { EventLines } from "./session.ts";

/**
 * The events of a batch for which `isKept` returns true; it is called with their places in it.
 * Copies nothing.
 */
export function selectEvents(
  { lines, events }: EventBatch,
  isKept: readonly boolean[],
): EventLines {
  if (!isKept.includes(false)) return { lines, events };
  const kept: Uint8Array[] = [];
  let index = 0;
  let from = 0;
  for (const [place, { bytes }] of events.entries()) {
    for (let missing = bytes; missing > 0;) {
      const piece = lines[index];
      if (!piece) throw new TypeError("the events are longer than their lines");
      const part = piece.subarray(from, from + missing);
      if (isKept[place] === true) kept.push(part);
      missing -= part.length;
      from += part.length;
      if (from === piece.length) {
        index++;
        from = 0;
      }
    }
  }
  return { lines: kept, events: events.filter((_, place) => isKept[place]) };
}
