import type { Cost } from "./cost.ts";
import { connect, type Event, serveLog } from "./served-log.ts";

const MEBIBYTE = 1024 * 1024;
const SIZES = [1, 8];

/** `connect` of messages that a runner sends at once, or again and again. */
export const SNAPSHOT_COSTS: readonly Cost[] = [
  ...["?view=raw", "?view=snapshot"].flatMap((query) => [
    cost(query, "one snapshot of large messages", 64 * 1024),
    cost(query, "one snapshot of small messages", 64),
  ]),
  {
    name: "connect?view=raw, a snapshot after each message",
    of: "messages",
    sizes: [250, 1_000],
    // what is read is what is sent: it grows with the square
    maxFactor: 10,
    measure: (count) => serveLog(grown(count), connect("?view=raw")),
  },
];

function cost(query: string, name: string, messageBytes: number): Cost {
  return {
    name: `connect${query}, ${name}`,
    of: "MiB",
    sizes: SIZES,
    measure: (size) => serveLog(oneSnapshot(size * MEBIBYTE, messageBytes), connect(query)),
  };
}

function* oneSnapshot(bytes: number, messageBytes: number): Generator<Event> {
  const ids = { threadId: "t", runId: "r" };
  const content = "x".repeat(messageBytes);
  const around = JSON.stringify({ id: "m1000000", role: "assistant", content: "" }).length + 1;
  const count = Math.floor((0.95 * bytes) / (messageBytes + around));
  const messages = Array.from({ length: count }, (_, at) => messageOf(at, content));
  yield { type: "RUN_STARTED", ...ids };
  yield { type: "MESSAGES_SNAPSHOT", messages };
  yield { type: "RUN_FINISHED", ...ids };
}

function* grown(count: number): Generator<Event> {
  const ids = { threadId: "t", runId: "r" };
  const messages: Event[] = [];
  yield { type: "RUN_STARTED", ...ids };
  for (let at = 0; at < count; at += 1) {
    messages.push(messageOf(at, "some words of a text"));
    yield { type: "MESSAGES_SNAPSHOT", messages };
  }
  yield { type: "RUN_FINISHED", ...ids };
}

function messageOf(at: number, content: string): Event {
  return { id: `m${at}`, role: at % 2 === 0 ? "user" : "assistant", content };
}
