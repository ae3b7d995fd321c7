import type { Cost } from "./cost.ts";
import { compactLog, connect, type Event, serveLog } from "./served-log.ts";

type Kind = "state" | "activity";

const DELTAS = [2_500, 20_000];
const DOCUMENT_BYTES = 1_000_000;
/** What compaction still folds. */
const FOLDED_BYTES = 100_000;

/** A session whose document is large and changed by many small patches. */
export const STATE_DELTA_COSTS: readonly Cost[] = [
  ...(["state", "activity"] as const).flatMap((kind) =>
    ["", "?view=snapshot"].map((query): Cost => ({
      name: `connect${query}, ${kind} of 1 MB`,
      of: "deltas",
      sizes: DELTAS,
      measure: (deltas) => serveLog(oneRun(eventsOf(kind, deltas, DOCUMENT_BYTES)), connect(query)),
    })),
  ),
  {
    name: "connect?view=snapshot, 5,000 deltas",
    of: "bytes of state",
    sizes: [50_000, 1_000_000],
    // the state is sent once; a delta costs what it changes
    maxFactor: 0.2,
    measure: (bytes) =>
      serveLog(oneRun(eventsOf("state", 5_000, bytes)), connect("?view=snapshot")),
  },
  {
    name: "connect?view=snapshot, members added again",
    of: "deltas",
    sizes: DELTAS,
    measure: (deltas) => serveLog(oneRun(addedAgain(deltas)), connect("?view=snapshot")),
  },
  {
    name: "compaction, state of 100 kB",
    of: "deltas",
    sizes: DELTAS,
    measure: (deltas) => compactLog(oneRun(eventsOf("state", deltas, FOLDED_BYTES))),
  },
  {
    name: "compaction, metadata of its own",
    of: "deltas",
    sizes: DELTAS,
    measure: (deltas) => compactLog(oneRun(withMetadata(deltas))),
  },
];

function* oneRun(events: Iterable<Event>): Generator<Event> {
  const ids = { threadId: "t", runId: "r" };
  yield { type: "RUN_STARTED", ...ids };
  yield* events;
  yield { type: "RUN_FINISHED", ...ids };
}

function* eventsOf(kind: Kind, deltas: number, bytes: number): Generator<Event> {
  const item = { text: "some text of an item that is to be done", done: false };
  const count = Math.round(bytes / JSON.stringify(item).length);
  const document = { items: Array.from({ length: count }, () => item) };
  const ids = { messageId: "a", activityType: "PLAN" };
  yield kind === "state"
    ? { type: "STATE_SNAPSHOT", snapshot: document }
    : { type: "ACTIVITY_SNAPSHOT", ...ids, content: document };
  for (let at = 0; at < deltas; at += 1) {
    const patch = [{ op: "replace", path: `/items/${at % count}/done`, value: true }];
    yield kind === "state"
      ? { type: "STATE_DELTA", delta: patch }
      : { type: "ACTIVITY_DELTA", ...ids, patch };
  }
}

function* addedAgain(deltas: number): Generator<Event> {
  const members = Array.from({ length: 20_000 }, (_, at) => [`k${at}`, at]);
  yield { type: "STATE_SNAPSHOT", snapshot: Object.fromEntries(members) };
  for (let at = 0; at < deltas; at += 1) {
    const path = `/k${at}`;
    const delta = [
      { op: "remove", path },
      { op: "add", path, value: at },
    ];
    yield { type: "STATE_DELTA", delta };
  }
}

function* withMetadata(deltas: number): Generator<Event> {
  for (let at = 0; at < deltas; at += 1) {
    const metadata = { [`k${at}`]: at };
    yield { type: "TEXT_MESSAGE_CONTENT", messageId: "m", delta: "x", metadata };
  }
}
