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
  cost(query, "one text", text),
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

function text(bytes: number): readonly Event[] {
  return [
    { type: "TEXT_MESSAGE_START", messageId: "m", role: "assistant" },
    { type: "TEXT_MESSAGE_CONTENT", messageId: "m", delta: textOf(bytes) },
    { type: "TEXT_MESSAGE_END", messageId: "m" },
  ];
}

function textOf(bytes: number): string {
  return "x".repeat(bytes);
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
