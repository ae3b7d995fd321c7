import { RunlogError } from "../../ports/errors.ts";
import { FACT_KEYS, factsOf } from "../../ports/event-facts.ts";
import type { EventFacts } from "../../ports/runner-client.ts";
import { scanInParts } from "../../stream/json/json-parts.ts";
import { JsonObjectScanner } from "../../stream/json/json-scan.ts";
import { elementsInParts, type JsonRange, kindAt, skipSpace } from "../../stream/json/json-walk.ts";
import { putOnOneLine } from "../../stream/json/one-line.ts";
import { inTurns, type Steps } from "../../stream/sync/steps.ts";
import type { EventLines } from "../session/admission.ts";

/** The events of one request, as they are stored. */
export interface PushedEvents extends EventLines {
  /** `threadId` of each RUN_STARTED, by its place; "" for none. */
  readonly threads: ReadonlyMap<number, string>;
}

/** Most events of one request: each takes a KiB while it is read, however short it is. */
const MAX_EVENTS = 65_536;
const COMMA = 0x2c;
const CLOSE_BRACKET = 0x5d;
const LINE_END = Uint8Array.of(0x0a);

/**
 * The events in a body: one JSON object, or an array of them. Their bytes stay as they are, but for line breaks between
 * tokens. Takes a large body in several turns of the event loop. Throws `invalid-input`.
 */
export function readPushedEvents(bytes: Uint8Array<ArrayBuffer>): Promise<PushedEvents> {
  return inTurns(eventSteps(bytes));
}

function* eventSteps(bytes: Uint8Array<ArrayBuffer>): Steps<PushedEvents> {
  const lines: Uint8Array[] = [];
  const events: EventFacts[] = [];
  const threads = new Map<number, string>();
  const scanner = new JsonObjectScanner([...FACT_KEYS, "threadId", "thread_id"]);
  for (const range of rangesOf(bytes)) {
    yield;
    if (!range) continue;
    const json = bytes.subarray(range.start, range.end);
    const place = events.length;
    if (place >= MAX_EVENTS) throw invalid(`there are more than ${MAX_EVENTS} events`);
    scanner.reset();
    if (!(yield* scanInParts(scanner, json))) throw invalid(`event ${place} is not a JSON object`);
    const line: Uint8Array<ArrayBuffer>[] = [];
    yield* putOnOneLine(json, line);
    lines.push(...line, LINE_END);
    const facts = factsOf(scanner, json.length + 1);
    events.push(facts);
    if (facts.type === "RUN_STARTED")
      threads.set(place, scanner.value("threadId") ?? scanner.value("thread_id") ?? "");
  }
  if (events.length === 0) throw invalid("there is no event");
  return { lines, events, threads };
}

/** Where the events are; null where others should have a turn. Throws for what is no array of values. */
function* rangesOf(bytes: Uint8Array): Generator<JsonRange | null, void, undefined> {
  const first = skipSpace(bytes, 0);
  if (first === bytes.length) throw invalid("the body is empty");
  if (kindAt(bytes, first) !== "array") {
    yield { start: first, end: bytes.length };
    return;
  }
  let before: number | null = null;
  for (const element of elementsInParts(bytes, first)) {
    if (element) {
      if (before !== null && !isComma(bytes, before, element.start)) throw notJson();
      before = element.end;
    }
    yield element;
  }
  const close = skipSpace(bytes, before ?? first + 1);
  if (bytes[close] !== CLOSE_BRACKET || skipSpace(bytes, close + 1) < bytes.length) throw notJson();
}

/** Whether one comma, and white space, is all that is between two places. */
function isComma(bytes: Uint8Array, start: number, end: number): boolean {
  const comma = skipSpace(bytes, start);
  return bytes[comma] === COMMA && skipSpace(bytes, comma + 1) === end;
}

function notJson(): RunlogError {
  return invalid("the body is not JSON");
}

function invalid(what: string): RunlogError {
  return new RunlogError("invalid-input", `invalid input: ${what}`);
}
