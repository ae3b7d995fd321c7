import { mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Condenser } from "../../../src/core/compaction/condenser.ts";
import type { LoopDelay } from "../../load/loop-delay.ts";
import { createDataDir } from "../data-dir.ts";
import { startServer } from "../server-process.ts";
import type { Cost, Spent } from "./cost.ts";

type Kind = "state" | "activity";

const LOOP_DELAY = new URL("../../load/loop-delay.ts", import.meta.url);
/** The loop's delay is told every second. */
const DELAY_MS = 1_200;
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
      measure: (deltas) => connect(query, linesOf(kind, deltas, DOCUMENT_BYTES)),
    })),
  ),
  {
    name: "connect?view=snapshot, 5,000 deltas",
    of: "bytes of state",
    sizes: [50_000, 1_000_000],
    // the state is sent once; a delta costs what it changes
    maxFactor: 0.2,
    measure: (bytes) => connect("?view=snapshot", linesOf("state", 5_000, bytes)),
  },
  {
    name: "compaction, state of 100 kB",
    of: "deltas",
    sizes: DELTAS,
    measure: (deltas) => Promise.resolve(compact(linesOf("state", deltas, FOLDED_BYTES))),
  },
  {
    name: "compaction, metadata of its own",
    of: "deltas",
    sizes: DELTAS,
    measure: (deltas) => Promise.resolve(compact(metadataLines(deltas))),
  },
];

function linesOf(kind: Kind, deltas: number, bytes: number): string {
  const item = { text: "some text of an item that is to be done", done: false };
  const count = Math.round(bytes / JSON.stringify(item).length);
  const document = { items: Array.from({ length: count }, () => item) };
  const ids = { messageId: "a", activityType: "PLAN" };
  const patchOf = (at: number): unknown => [
    { op: "replace", path: `/items/${at % count}/done`, value: true },
  ];
  return textOf([
    kind === "state"
      ? { type: "STATE_SNAPSHOT", snapshot: document }
      : { type: "ACTIVITY_SNAPSHOT", ...ids, content: document },
    ...Array.from({ length: deltas }, (_, at) =>
      kind === "state"
        ? { type: "STATE_DELTA", delta: patchOf(at) }
        : { type: "ACTIVITY_DELTA", ...ids, patch: patchOf(at) },
    ),
  ]);
}

function metadataLines(deltas: number): string {
  return textOf(
    Array.from({ length: deltas }, (_, at) => ({
      type: "TEXT_MESSAGE_CONTENT",
      messageId: "m",
      delta: "x",
      metadata: { [`k${at}`]: at },
    })),
  );
}

function textOf(events: readonly unknown[]): string {
  const ids = { threadId: "t", runId: "r" };
  const all = [{ type: "RUN_STARTED", ...ids }, ...events, { type: "RUN_FINISHED", ...ids }];
  return all.map((event) => `${JSON.stringify(event)}\n`).join("");
}

function compact(text: string): Spent {
  const bytes = new TextEncoder().encode(text);
  let given = 0;
  const condenser = new Condenser((piece) => {
    given += piece.length;
  });
  const startedAtMs = performance.now();
  condenser.push(bytes);
  condenser.finish();
  return { seconds: (performance.now() - startedAtMs) / 1_000, bytes: given };
}

async function connect(query: string, text: string): Promise<Spent> {
  const dir = await mkdtemp(join(tmpdir(), "runlog-bench-log-"));
  const path = join(dir, "raw.jsonl");
  await writeFile(path, text);
  const { size } = await stat(path);
  const data = await createDataDir([{ path, megabytes: 0, bytes: size, events: 0 }], () => "s");
  let heldMs = 0;
  const server = await startServer({
    dataDir: data.dir,
    watch: {
      script: LOOP_DELAY,
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the script's own messages
      onMessage: (message) => (heldMs = Math.max(heldMs, (message as LoopDelay).maxMs)),
    },
  });
  try {
    await sleep(DELAY_MS);
    heldMs = 0;
    const startedAtMs = performance.now();
    const url = `http://127.0.0.1:${server.port}${data.sessions[0]?.path}/agui/connect${query}`;
    const headers = { "Content-Type": "application/json" };
    const response = await fetch(url, { method: "POST", headers, body: "{}" });
    const { byteLength } = await response.arrayBuffer();
    if (!response.ok) throw new Error(`${url} answered ${response.status}`);
    const seconds = (performance.now() - startedAtMs) / 1_000;
    await sleep(DELAY_MS);
    return { seconds, heldMs, bytes: byteLength };
  } finally {
    await server.stop();
    await data.remove();
    await rm(dir, { recursive: true });
  }
}
