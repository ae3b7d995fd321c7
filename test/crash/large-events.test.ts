import { createHash } from "node:crypto";
import { expect, it } from "vitest";
import { textOf } from "../contract/bytes.ts";
import { collect } from "../contract/outcome.ts";
import {
  finishedEvent,
  runBody,
  type SessionClient,
  startedEvent,
} from "../contract/session-routes/harness.ts";
import type { FakeRunner } from "../support/fake-runner.ts";
import {
  freshDir,
  freshRunner,
  runWhenFree,
  sessionOf,
  startServer,
} from "../support/server-process.ts";

const MIB = 1024 * 1024;
const PIECE_BYTES = 64 * 1024;
const KEPT_BYTES = 4_096;
const DATA = "data: ";

/** An event as it came out of the server: a long one by its digest alone. */
interface Digest {
  readonly bytes: number;
  readonly sha256: string;
  /** The event itself, if it has at most 4 KiB. */
  readonly text: string | null;
}

it("an event of 24 MiB arrives intact everywhere and costs less than 100 MiB at the peak", async () => {
  const runner = await freshRunner();
  const server = await startServer({
    env: { STORAGE_URL: `file:${await freshDir()}`, RUNNER_URL: runner.address },
  });
  const session = sessionOf(server, runner);
  // what a first run loads and compiles is not what the event costs
  await playLarge(session, runner, "warm", largeEvent("warm", 100 * 1024));
  const before = await server.rss();

  const large = largeEvent("r", 24 * MIB);
  const events = await playLarge(session, runner, "r", large);
  const fromRunner = [startedEvent("r"), small("before"), large, small("after")];
  expect(events.slice(-5)).toEqual([...fromRunner, finishedEvent("r")].map(digestOf));

  expect(await eventsUntil(await session.get("/agui/events"), finishedEvent("r"))).toEqual(events);
  for (const encoding of ["identity", "gzip"]) {
    const headers = { "Accept-Encoding": encoding };
    const lines = await session.get("/export", { ...headers, Accept: "application/x-ndjson" });
    expect(await collect(linesOf(lines, ""))).toEqual(events);
    const inDocument = await readDocument(await session.get("/export", headers));
    expect(inDocument.map(digestOf)).toEqual(events);
  }

  const peak = await server.peakRss();
  const text = [before, peak, peak - before].map((bytes) => `${Math.ceil(bytes / MIB)} MiB`);
  console.info(`large-events.test.ts: resident ${text[0]}, at the peak ${text[1]}: +${text[2]}`);
  expect(peak - before).toBeLessThan(100 * MIB);
});

it("an event above the limit is replaced by one that tells its size, and the run goes on", async () => {
  const runner = await freshRunner();
  const server = await startServer({
    env: {
      STORAGE_URL: `file:${await freshDir()}`,
      RUNNER_URL: runner.address,
      RUNLOG_MAX_EVENT_BYTES: "1MiB",
    },
  });
  const session = sessionOf(server, runner);
  const events = await playLarge(session, runner, "r", largeEvent("r", 2 * MIB));
  const texts = events.map(({ text }) => text);
  expect(texts).toEqual([
    expect.stringMatching(/^\{"type":"MESSAGES_SNAPSHOT",/),
    startedEvent("r"),
    small("before"),
    expect.stringMatching(/^\{"type":"CUSTOM","name":"runlog:event-too-large",/),
    small("after"),
    finishedEvent("r"),
  ]);
  expect(JSON.parse(texts[3] ?? "")).toMatchObject({ value: { size: 2 * MIB, limit: MIB } });
  expect(await session.lines()).toEqual(texts);

  // one that is as large as the limit is not too large
  const largest = largeEvent("r2", MIB);
  const more = await playLarge(session, runner, "r2", largest);
  expect(more.at(-3)).toEqual(digestOf(largest));
});

/** Plays a run with one large event between small ones; resolves with all that a viewer saw. */
async function playLarge(
  session: SessionClient,
  runner: FakeRunner,
  run: string,
  large: Uint8Array,
): Promise<Digest[]> {
  runner.script(async (exchange) => {
    await exchange.answer(200, { "Content-Type": "text/event-stream" });
    await exchange.write(`data: ${startedEvent(run)}\n\ndata: ${small("before")}\n\ndata: `);
    for (let at = 0; at < large.length; at += PIECE_BYTES)
      await exchange.write(large.subarray(at, at + PIECE_BYTES));
    await exchange.write(`\n\ndata: ${small("after")}\n\ndata: ${finishedEvent(run)}\n\n`);
    await exchange.end();
  });
  const viewer = await session.get("/agui/events");
  await runWhenFree(session, runBody(run));
  return eventsUntil(viewer, finishedEvent(run));
}

function small(value: string): string {
  return JSON.stringify({ type: "CUSTOM", name: "small", value });
}

/** An event of exactly `size` bytes, no part of which could stand for another. */
function largeEvent(run: string, size: number): Buffer {
  const event = Buffer.alloc(size, " ");
  let at = event.write(`{"type":"CUSTOM","name":"large","runId":"${run}","value":"`);
  // as many whole texts as there is room for; spaces fill the rest
  for (let index = 0; at < size - 100; index++)
    at += event.write(String.raw`${index}: ünïcödé, 🐘, \"escapes\" \u00e9. `, at);
  event.write('"}', size - 2);
  return event;
}

function digestOf(event: string | Uint8Array): Digest {
  const bytes = Buffer.from(event);
  return {
    bytes: bytes.length,
    sha256: createHash("sha256").update(bytes).digest("hex"),
    text: bytes.length <= KEPT_BYTES ? bytes.toString() : null,
  };
}

/** The events of a stream up to and with the text `last`; leaves it then. */
async function eventsUntil(response: Response, last: string): Promise<Digest[]> {
  const events: Digest[] = [];
  for await (const event of linesOf(response, DATA)) {
    events.push(event);
    if (event.text === last) return events;
  }
  throw new Error(`The stream ended after ${events.length} events`);
}

/** What follows `prefix` in the lines that begin with it, never holding a long line. */
async function* linesOf(response: Response, prefix: string): AsyncGenerator<Digest> {
  expect(response.status).toBe(200);
  let line = new LineDigest(prefix);
  for await (const chunk of response.body ?? []) {
    let from = 0;
    for (let lf = chunk.indexOf(10); lf !== -1; lf = chunk.indexOf(10, from)) {
      line.push(chunk.subarray(from, lf));
      if (line.matches) yield line.digest();
      line = new LineDigest(prefix);
      from = lf + 1;
    }
    line.push(chunk.subarray(from));
  }
  expect(line.length, "an end within a line").toBe(0);
}

class LineDigest {
  readonly #prefix: string;
  readonly #hash = createHash("sha256");
  /** The beginning of the line, prefix included. */
  #kept = Buffer.alloc(0);
  length = 0;

  constructor(prefix: string) {
    this.#prefix = prefix;
  }

  get matches(): boolean {
    return this.#kept.toString().startsWith(this.#prefix);
  }

  push(piece: Uint8Array): void {
    const room = this.#prefix.length + KEPT_BYTES - this.#kept.length;
    this.#kept = Buffer.concat([this.#kept, piece.subarray(0, room)]);
    this.#hash.update(piece.subarray(Math.max(0, this.#prefix.length - this.length)));
    this.length += piece.length;
  }

  digest(): Digest {
    const bytes = this.length - this.#prefix.length;
    const text = bytes <= KEPT_BYTES ? this.#kept.toString().slice(this.#prefix.length) : null;
    return { bytes, sha256: this.#hash.digest("hex"), text };
  }
}

/** The texts of a document's events as they stand in it; no event of these holds such a boundary. */
async function readDocument(response: Response): Promise<string[]> {
  expect(response.status).toBe(200);
  const text = textOf(new Uint8Array(await response.arrayBuffer()));
  const [, inside = ""] =
    /^\{"sessionId":"s1",[^[]*"aguiEvents":\[(.*)\],"hasLegacy":false\}$/s.exec(text) ?? [];
  const { aguiEvents } = JSON.parse(text) as { aguiEvents: unknown[] };
  const events = inside.split(/(?<=\}),(?=\{"type":)/);
  expect(events).toHaveLength(aguiEvents.length);
  return events;
}
