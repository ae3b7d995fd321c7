import type { EventBatch, EventFacts } from "../../ports/runner-client.ts";
import { factsOfLine, fromRunner, looksOwn } from "../model/server-events.ts";
import type { EventLines } from "./admission.ts";

/**
 * The events of a batch for which `isKept` returns true; it is called with their places in it.
 * Copies nothing.
 */
export function selectEvents(batch: EventBatch, isKept: readonly boolean[]): EventLines {
  const { lines, events } = batch;
  if (!isKept.includes(false)) return { lines, events };
  const kept: Uint8Array[] = [];
  let place = 0;
  for (const pieces of linesOfEach(batch)) if (isKept[place++] === true) kept.push(...pieces);
  return { lines: kept, events: events.filter((_, index) => isKept[index]) };
}

/**
 * A runner's events as they are stored: before each that has a name of runlog's own comes a line
 * that attributes it to the runner.
 */
export function asFromRunner(batch: EventLines): EventLines {
  if (!batch.events.some(looksOwn)) return batch;
  const lines: Uint8Array[] = [];
  const events: EventFacts[] = [];
  let place = 0;
  for (const pieces of linesOfEach(batch)) {
    const event = batch.events[place++];
    if (event && looksOwn(event)) {
      const line = fromRunner(event);
      lines.push(line);
      events.push(factsOfLine(line));
    }
    lines.push(...pieces);
    if (event) events.push(event);
  }
  return { lines, events };
}

/** The line of each event, in pieces of the batch's own. */
function* linesOfEach({ lines, events }: EventBatch): Generator<Uint8Array[], void, undefined> {
  let index = 0;
  let from = 0;
  for (const { bytes } of events) {
    const pieces: Uint8Array[] = [];
    for (let missing = bytes; missing > 0;) {
      const piece = lines[index];
      if (!piece) throw new TypeError("the events are longer than their lines");
      const part = piece.subarray(from, from + missing);
      pieces.push(part);
      missing -= part.length;
      from += part.length;
      if (from === piece.length) {
        index++;
        from = 0;
      }
    }
    yield pieces;
  }
}
