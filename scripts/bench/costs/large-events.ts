import type { Cost } from "./cost.ts";
import { connect, type Event, serveLog } from "./served-log.ts";

const MEBIBYTE = 1024 * 1024;
const SIZES = [1, 8];
const VIEWS = ["", "?view=raw", "?view=snapshot"];

/** `connect` of logs with one event that is as large as a client takes. */
export const LARGE_EVENT_COSTS: readonly Cost[] = VIEWS.flatMap((query) => [
  cost(query, "one value of one text", (bytes) => value(textOf(bytes))),
  cost(query, "one value of many members", (bytes) => value(membersOf(bytes))),
  cost(query, "one RAW of many members", (bytes) => raw(membersOf(bytes))),
  cost(query, "one state of one text", (bytes) => state({ text: textOf(bytes) })),
  cost(query, "one state of many records", (bytes) => state(recordsOf(bytes))),
  cost(query, "one state of many members", (bytes) => state(membersOf(bytes))),
  cost(query, "one text", text),
  cost(query, "one text of escapes", (bytes) => text(bytes / 2, '"')),
  cost(query, "one result of one text", (bytes) => result(textOf(bytes))),
  cost(query, "one result of escapes", (bytes) => result(textOf(bytes / 2, '"'))),
  cost(query, "one result of many members", (bytes) => result(membersOf(bytes))),
  cost(query, "one result of an object with a text", (bytes) => result({ text: textOf(bytes) })),
  cost(query, "one result of parts", (bytes) => result(partsOf(bytes))),
  cost(query, "one activity of many members", (bytes) => activity(membersOf(bytes))),
  cost(query, "one activity of large texts", (bytes) => activity(textsOf(bytes))),
  cost(query, "metadata of many members", (bytes) => text(8, "x", membersOf(bytes))),
  cost(query, "metadata of large texts", (bytes) => text(8, "x", textsOf(bytes))),
  cost(query, "one message with metadata of many members", (bytes) => message(membersOf(bytes))),
  cost(query, "one message with metadata of large texts", (bytes) => message(textsOf(bytes))),
  cost(query, "an event of many members", (bytes) => [
    { type: "CUSTOM", name: "note", value: 1, ...membersOf(bytes) },
  ]),
  cost(query, "a patch of the state of one text", (bytes) => patch([textOf(bytes)])),
  cost(query, "a patch of the state of texts", (bytes) => patch(Object.values(textsOf(bytes)))),
  cost(query, "a patch of the state of many operations", (bytes) =>
    patch(Object.values(membersOf(bytes))),
  ),
  cost(query, "a result of the run", (bytes) => [
    { type: "RUN_FINISHED", threadId: "t", runId: "r", result: membersOf(bytes) },
  ]),
  cost(query, "an outcome of the run", (bytes) => [
    { type: "RUN_FINISHED", threadId: "t", runId: "r", outcome: outcomeOf(bytes) },
  ]),
]);

function cost(query: string, name: string, event: (bytes: number) => readonly Event[]): Cost {
  return {
    name: `connect${query}, ${name}`,
    of: "MiB",
    sizes: SIZES,
    measure: (size) => serveLog(oneRun(event(0.95 * size * MEBIBYTE)), connect(query)),
  };
}

function oneRun(events: readonly Event[]): readonly Event[] {
  const ids = { threadId: "t", runId: "r" };
  return [{ type: "RUN_STARTED", ...ids }, ...events, { type: "RUN_FINISHED", ...ids }];
}

function value(of: unknown): readonly Event[] {
  return [{ type: "CUSTOM", name: "note", value: of }];
}

function raw(event: unknown): readonly Event[] {
  return [{ type: "RAW", event }];
}

function state(snapshot: unknown): readonly Event[] {
  return [{ type: "STATE_SNAPSHOT", snapshot }];
}

function text(bytes: number, of?: string, metadata?: Event): readonly Event[] {
  const ids = { messageId: "m" };
  return [
    { type: "TEXT_MESSAGE_START", ...ids, role: "assistant" },
    { type: "TEXT_MESSAGE_CONTENT", ...ids, delta: textOf(bytes, of), metadata },
    { type: "TEXT_MESSAGE_END", ...ids },
  ];
}

function result(content: unknown): readonly Event[] {
  return [{ type: "TOOL_CALL_RESULT", messageId: "m", toolCallId: "c", content }];
}

function activity(content: Event): readonly Event[] {
  return [{ type: "ACTIVITY_SNAPSHOT", messageId: "m", activityType: "note", content }];
}

function message(metadata: Event): readonly Event[] {
  const messages = [{ id: "m", role: "user", content: "some words", metadata }];
  return [{ type: "MESSAGES_SNAPSHOT", messages }];
}

function patch(values: readonly unknown[]): readonly Event[] {
  const delta = values.map((of, at) => ({ op: "add", path: `/k${at}`, value: of }));
  return [{ type: "STATE_DELTA", delta }];
}

function outcomeOf(bytes: number): Event {
  const interrupts = [{ id: "i", reason: "input_required", metadata: textsOf(bytes) }];
  return { type: "interrupt", interrupts };
}

function textOf(bytes: number, of = "x"): string {
  return of.repeat(bytes);
}

/** Texts that take some work each. */
function textsOf(bytes: number): Record<string, string> {
  const words = `some "words"\n`.repeat(64);
  const count = Math.floor(bytes / JSON.stringify({ k10000: words }).length);
  return Object.fromEntries(Array.from({ length: count }, (_, at) => [`k${at}`, words]));
}

function partsOf(bytes: number): readonly Event[] {
  const part = { type: "text", text: "x".repeat(1_024) };
  const count = Math.floor(bytes / JSON.stringify([part]).length);
  return Array.from({ length: count }, () => part);
}

function membersOf(bytes: number): Record<string, number> {
  const count = Math.floor(bytes / '"k100000":100000,'.length);
  return Object.fromEntries(Array.from({ length: count }, (_, at) => [`k${at}`, at]));
}

function recordsOf(bytes: number): { readonly records: readonly Event[] } {
  const record = { id: 100_000, name: "a record", tags: ["x"] };
  const count = Math.floor(bytes / (JSON.stringify(record).length + 1));
  return { records: Array.from({ length: count }, (_, id) => ({ ...record, id })) };
}
