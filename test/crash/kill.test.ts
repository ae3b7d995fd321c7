import { appendFile, readdir } from "node:fs/promises";
import { basename, join } from "node:path";
import { expect, it } from "vitest";
import { createRandom, type Random } from "../../scripts/bench/random.ts";
import { textOf } from "../contract/bytes.ts";
import type { SseEvent } from "../contract/read-sse.ts";
import type { ScriptedExchange } from "../contract/runner-client.ts";
import {
  finishedEvent,
  runBody,
  type SessionClient,
  startedEvent,
  tell,
} from "../contract/session-routes/harness.ts";
import {
  freshDir,
  freshRunner,
  type ServerProcess,
  ServerStartError,
  sessionOf,
  startServer,
} from "../support/server-process.ts";
import { waitFor } from "../support/wait-for.ts";

/** So many kills share a log; after them the next life begins with an empty one. */
const CYCLES_A_LIFE = 8;
const CYCLES = Number(process.env["CRASH_CYCLES"] ?? CYCLES_A_LIFE);
const SEED = Number(process.env["CRASH_SEED"] ?? Math.trunc(Math.random() * 2 ** 32));
const SEEDS = Array.from({ length: Math.ceil(CYCLES / CYCLES_A_LIFE) }, (_, life) => SEED + life);
const VIEWERS = 3;
const MOST_SEEN = 1_500;
const LAST_EVENTS = 100;

/** What the runner has sent in each run, in order; the last one may not have left it. */
type Sent = Map<string, string[]>;

console.info(`kill.test.ts: seed ${SEED}`);

it.each(SEEDS)(
  "what any viewer saw is in the log after every kill -9, and the rest follows without a seam (seed %i)",
  async (seed) => {
    const random = createRandom(seed);
    const runner = await freshRunner();
    const dir = await freshDir();
    const env = { STORAGE_URL: `file:${dir}`, RUNNER_URL: runner.address };
    const sent: Sent = new Map();
    const viewers = Array.from({ length: VIEWERS }, () => new Viewer());
    let server = await startServer({ env });
    const sameAddress = { ...env, PORT: new URL(server.url).port };

    for (let cycle = 0; cycle < CYCLES_A_LIFE; cycle++) {
      const session = sessionOf(server, runner);
      await expectWholeLog(session, sent, viewers);
      const run = `run-${cycle}`;
      const events: string[] = [];
      sent.set(run, events);
      runner.script((exchange) => streamFast(exchange, run, events, random));

      let toSee = 1 + random.integer(MOST_SEEN);
      const doomed = server;
      for (const viewer of viewers)
        viewer.onEvent = () => {
          if (--toSee === 0) doomed.kill("SIGKILL");
        };
      // the answer may be what the kill has cut off
      const unlessKilled = (error: unknown): void => {
        if (toSee > 0 || !(error instanceof TypeError)) throw error;
      };
      const following = viewers.map((viewer) => viewer.follow(session).catch(unlessKilled));
      const posted = session.run(runBody(run)).catch(unlessKilled);
      await Promise.all([posted, ...following]);
      expect(await doomed.exited).toEqual({ code: null, signal: "SIGKILL" });
      if (cycle % 2 === 1) await tearLog(dir);
      server = await startAgain(sameAddress);
    }

    const session = sessionOf(server, runner);
    await expectWholeLog(session, sent, viewers);
    const last = [...customEvents("last", LAST_EVENTS, random), finishedEvent("last")];
    sent.set("last", last);
    runner.script((exchange) => tell(exchange, last));
    await session.run(runBody("last"));
    await session.settled("last");
    const lines = await expectWholeLog(session, sent, viewers);
    expect(lines.slice(-last.length)).toEqual(last);
  },
);

/** A client that collects a session's events over the lives of its server. */
class Viewer {
  readonly seen: SseEvent[] = [];
  onEvent: () => void = () => {};

  /** Goes on after what was seen, until the stream ends or breaks off. */
  async follow(session: SessionClient): Promise<void> {
    const sse = await this.#resume(session);
    try {
      for (let event = await sse.event(); event; event = await sse.event()) {
        this.seen.push(event);
        this.onEvent();
      }
    } catch {
      // broken off by the kill, often within a frame
    }
  }

  /** Goes on after what was seen until that is all of `events`, and expects nothing else. */
  async catchUp(session: SessionClient, events: readonly SseEvent[]): Promise<void> {
    expect(firstDifference(this.seen, events.slice(0, this.seen.length))).toBe(-1);
    const sse = await this.#resume(session);
    this.seen.push(...(await sse.events(events.length - this.seen.length)));
    await sse.cancel();
    expect(firstDifference(this.seen, events)).toBe(-1);
  }

  async #resume(session: SessionClient) {
    const cursor = this.seen.at(-1)?.id;
    const { response, sse } = await session.watch(
      "?view=raw",
      cursor ? { "Last-Event-ID": cursor } : {},
    );
    expect(response.headers.get("X-Runlog-Replay")).toBeNull();
    return sse;
  }
}

/**
 * Expects a log of whole lines that holds of each run, one after the other, what its runner sent
 * first, and that all viewers have seen its beginning and get exactly what is missing.
 */
async function expectWholeLog(
  session: SessionClient,
  sent: Sent,
  viewers: readonly Viewer[],
): Promise<string[]> {
  if (sent.size === 0) return [];
  const lines = await exportedLines(session);
  const runs = [...sent.values()];
  let run = -1;
  let stored = 0;
  for (const line of lines) {
    const { type, timestamp } = JSON.parse(line) as { type: string; timestamp?: number };
    if (type === "MESSAGES_SNAPSHOT") {
      run++;
      stored = 0;
    } else if (line === runs[run]?.[stored]) stored++;
    // the server may end, by events with its time, what the runner could not
    else if (timestamp === undefined || !/^RUN_(STARTED|ERROR)$/.test(type))
      throw new Error(`Not what was sent as ${stored} of run ${run}: ${line.slice(0, 200)}`);
  }
  expect(run).toBe(runs.length - 1);

  const { sse } = await session.watch("?view=raw");
  const replay = await sse.events(lines.length);
  await sse.cancel();
  const texts = replay.map(({ data }) => data);
  expect(firstDifference(texts, lines)).toBe(-1);
  for (const viewer of viewers) {
    viewer.onEvent = () => {};
    await viewer.catchUp(session, replay);
  }
  return lines;
}

async function exportedLines(session: SessionClient): Promise<string[]> {
  const response = await session.get("/export?view=raw", { Accept: "application/x-ndjson" });
  expect(response.status).toBe(200);
  const text = textOf(new Uint8Array(await response.arrayBuffer()));
  expect(text.endsWith("\n")).toBe(true);
  return text.slice(0, -1).split("\n");
}

/** Sends numbered events until the connection has gone, as fast as it takes them. */
async function streamFast(
  exchange: ScriptedExchange,
  run: string,
  sent: string[],
  random: Random,
): Promise<void> {
  await exchange.answer(200, { "Content-Type": "text/event-stream" });
  try {
    for (;;) {
      const events = customEvents(run, 1 + random.integer(20), random, sent.length);
      if (sent.length === 0) events.unshift(startedEvent(run));
      sent.push(...events);
      const bytes = Buffer.from(events.map((event) => `data: ${event}\n\n`).join(""));
      // cut anywhere, so that it is often the middle of an event that has come when the server dies
      const cut = random.integer(bytes.length);
      await exchange.write(bytes.subarray(0, cut));
      await exchange.write(bytes.subarray(cut));
    }
  } catch {
    // the server was killed
    await exchange.closed;
  }
}

function customEvents(run: string, count: number, random: Random, from = 0): string[] {
  return Array.from({ length: count }, (_, index) => {
    const most = random.integer(50) === 0 ? 200_000 : 1_000;
    const value = "ü😀 -".repeat(random.integer(most / 5));
    return JSON.stringify({ type: "CUSTOM", name: "numbered", run, seq: from + index, value });
  });
}

/** Leaves the log as a write does that got half through: a kill seldom comes just then. */
async function tearLog(dir: string): Promise<void> {
  const names = await readdir(dir, { recursive: true });
  const logs = names.filter((name) => basename(name) === "raw.jsonl");
  expect(logs).toHaveLength(1);
  for (const name of logs) await appendFile(join(dir, name), '{"type":"CUSTOM","na');
}

/** The port may be somebody's for a moment: as the near end of a connection elsewhere. */
async function startAgain(env: Readonly<Record<string, string>>): Promise<ServerProcess> {
  return waitFor(
    () =>
      startServer({ env }).catch((error: unknown) => {
        if (error instanceof ServerStartError && error.message.includes("EADDRINUSE")) return null;
        throw error;
      }),
    { what: "the port" },
  );
}

/** Where two lists begin to differ, or -1; faster than a deep comparison, and with a short text. */
function firstDifference(
  a: readonly (string | SseEvent)[],
  b: readonly (string | SseEvent)[],
): number {
  for (let i = 0; i < Math.max(a.length, b.length); i++) if (!isSame(a[i], b[i])) return i;
  return -1;
}

function isSame(a: string | SseEvent | undefined, b: string | SseEvent | undefined): boolean {
  if (typeof a !== "object" || typeof b !== "object") return a === b;
  return a.id === b.id && a.data === b.data;
}
