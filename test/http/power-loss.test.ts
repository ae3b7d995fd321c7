import { open, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as fc from "fast-check";
import { describe, expect, it, onTestFinished } from "vitest";
import { createDiskLogStore } from "../../adapters/disk/index.ts";
import { utf8 } from "../contract/bytes.ts";
import {
  finishedEvent,
  ODD_EVENTS,
  runBody,
  SessionClient,
  startedEvent,
  tell,
} from "../contract/session-routes/harness.ts";
import { runCli } from "../support/server-process.ts";
import { createTempDir } from "../support/temp-dir.ts";
import { createTestServer } from "../support/test-server.ts";

/** A stretch of a file that reads as zeros, because its blocks never reached the device. */
interface Hole {
  readonly start: number;
  readonly end: number;
}

const SESSION = ["projects", "p1", "s1"];
const CUSTOM = Array.from(
  { length: 40 },
  (_, i) => `{"type":"CUSTOM","name":"n${i}","timestamp":"2024-01-01T00:00:00Z"}`,
);

/** A machine with a disk, which can lose its power. */
async function startMachine() {
  const dir = await createTempDir();
  let boots = 0;
  let running: Awaited<ReturnType<typeof createTestServer>> | null = null;
  const logged: Record<string, unknown>[] = [];
  const tell1 = (event: string, facts?: object): void => void logged.push({ event, ...facts });

  async function logDir(): Promise<string> {
    const session = join(dir.path, ...SESSION);
    const [logId = ""] = await readdir(session);
    return join(session, logId);
  }

  async function stop(): Promise<void> {
    await running?.dispose();
    running = null;
  }
  onTestFinished(async () => {
    await stop();
    await dir.remove();
  });

  return {
    dir: dir.path,
    logged,
    stop,
    async rawLog(): Promise<Buffer> {
      return readFile(join(await logDir(), "raw.jsonl"));
    },

    /** Starts the server in the run of the machine that there is, or in the next. */
    async start() {
      const store = createDiskLogStore({ dir: dir.path, bootId: `boot-${boots}` });
      const logger = { info: tell1, warn: tell1, error: tell1 };
      running = await createTestServer({ store, logger });
      return Object.assign(running, { session: new SessionClient(running) });
    },

    /** What the server wrote is there but for the holes, and its log was open. */
    async losePower(holes: readonly Hole[]): Promise<void> {
      const note = await readFile(join(await logDir(), "unclean"));
      await stop();
      await writeFile(join(await logDir(), "unclean"), note);
      const file = await open(join(await logDir(), "raw.jsonl"), "r+");
      for (const { start, end } of holes)
        await file.write(new Uint8Array(end - start), 0, end - start, start);
      await file.close();
      boots++;
    },
  };
}

type Server = Awaited<ReturnType<Awaited<ReturnType<typeof startMachine>>["start"]>>;

/** Has a run of these events played to its end; resolves with all lines of the log. */
async function play(
  { runner, session }: Server,
  runId: string,
  events: readonly string[],
): Promise<string[]> {
  runner.script((exchange) =>
    tell(exchange, [startedEvent(runId), ...events, finishedEvent(runId)]),
  );
  await session.run(runBody(runId));
  return session.settled(runId);
}

/** Where a line of the log lies, by its number. */
function placeOf(lines: readonly string[], number: number): Hole {
  const start = utf8(
    lines
      .slice(0, number)
      .map((line) => `${line}\n`)
      .join(""),
  ).length;
  return { start, end: start + utf8(`${lines[number]}\n`).length };
}

/** The lines that a hole leaves whole; a line whose predecessor lost its end is a part of that. */
function undamaged(lines: readonly string[], holes: readonly Hole[]): string[] {
  return lines.filter((_, number) => {
    const place = placeOf(lines, number);
    return !holes.some(({ start, end }) => start < place.end && end >= place.start);
  });
}

async function exported(session: SessionClient, query: string) {
  const response = await session.get(`/export${query}`);
  expect(response.status).toBe(200);
  const { aguiEvents } = (await response.json()) as { aguiEvents: unknown[] };
  return { events: aguiEvents, skipped: response.headers.get("X-Runlog-Skipped-Lines") };
}

describe("a hole that a loss of power has left in a log", () => {
  it("is visible in no view, and what is whole comes as it was received", async () => {
    const machine = await startMachine();
    const before = await machine.start();
    const lines = await play(before, "r", [...ODD_EVENTS, ...CUSTOM]);
    // from the midst of one line to the midst of another
    const hole = { start: placeOf(lines, 12).end - 9, end: placeOf(lines, 20).start + 9 };
    await machine.losePower([hole]);
    const stored = await machine.rawLog();

    const { session, fetch } = await machine.start();
    const whole = undamaged(lines, [hole]);
    expect(whole).toHaveLength(lines.length - 9);
    const damaged = await exported(session, "?view=raw");
    expect(damaged.events).toEqual(whole.map((line) => JSON.parse(line) as unknown));
    expect(damaged.skipped).toBe("1");
    const visible = (await session.lines()).map((line) => line.trimEnd());
    expect(visible).toEqual(whole);
    for (const query of ["", "?view=raw", "?view=snapshot"]) {
      const { sse } = await session.watch(query);
      const seen = await sse.until(({ data }) => /"RUN_FINISHED"|SNAPSHOT/.test(data));
      for (const { data } of seen) expect(JSON.parse(data)).toBeTypeOf("object");
      await sse.cancel();
    }
    const connected = await fetch(`${session.path}/agui/connect`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: "{}",
    });
    const data = (await connected.text()).split("\n").filter((line) => line.startsWith("data: "));
    expect(data.length).toBeGreaterThan(0);
    for (const line of data) expect(JSON.parse(line.slice(6))).toBeTypeOf("object");
    expect(await machine.rawLog()).toEqual(stored);
    expect(machine.logged).toContainEqual(
      expect.objectContaining({ event: "log-scanned-after-power-loss", skippedLines: 1 }),
    );
  });

  it("stays out of what is visible after the next run, the next start and the next loss of power", async () => {
    const machine = await startMachine();
    const lines = await play(await machine.start(), "r", CUSTOM);
    const first = placeOf(lines, 10);
    await machine.losePower([first]);
    const after = await machine.start();
    const more = await play(after, "r2", CUSTOM);
    expect((await exported(after.session, "")).skipped).toBe("1");
    await machine.stop();
    const again = await machine.start();
    expect(await again.session.lines()).toEqual(more);
    const most = await play(again, "r3", CUSTOM);

    // the cursors' places are those in the stored bytes: the line that is not visible counts
    const number = most.length - 5;
    const second = { start: placeOf(most, number).start, end: placeOf(most, number).end - 1 };
    await machine.losePower([second]);
    const { session } = await machine.start();
    const { events, skipped } = await exported(session, "?view=raw");
    expect(skipped).toBe("2");
    expect(events).toEqual(
      most.filter((_, at) => at !== number).map((line) => JSON.parse(line) as unknown),
    );
  });

  it("is not visible wherever it lies, and verify names it", async () => {
    const machine = await startMachine();
    const lines = await play(await machine.start(), "r", CUSTOM);
    const holes = [placeOf(lines, 0), placeOf(lines, 5)];
    await machine.losePower(holes);
    const { session } = await machine.start();
    expect((await exported(session, "")).events.length).toBeGreaterThan(0);
    const { events, skipped } = await exported(session, "?view=raw");
    expect(events).toEqual(undamaged(lines, holes).map((line) => JSON.parse(line) as unknown));
    expect(skipped).toBe("2");
    await machine.stop();
    const verified = await runCli({
      args: ["verify"],
      env: { STORAGE_URL: `file:${machine.dir}` },
    });
    expect(verified.code).toBe(4);
    expect(verified.stdout + verified.stderr).toContain("Lines that are no JSON objects, at 0");
  });

  it("in which a run ended ends the run again", async () => {
    const machine = await startMachine();
    const lines = await play(await machine.start(), "r", CUSTOM);
    const { start, end } = placeOf(lines, lines.length - 1);
    await machine.losePower([{ start, end: end - 1 }]);
    const server = await machine.start();
    const { session } = server;
    expect(JSON.parse((await session.lines()).at(-1) ?? "")).toMatchObject({
      type: "RUN_ERROR",
      runId: "r",
      code: "server-restarted",
    });
    expect(await session.agentStatus()).toBe("idle");
    await play(server, "r2", CUSTOM);
  });

  it("leaves a log of which nothing is whole empty", async () => {
    const machine = await startMachine();
    await play(await machine.start(), "r", CUSTOM);
    const { length } = await machine.rawLog();
    await machine.losePower([{ start: 0, end: length - 1 }]);
    const server = await machine.start();
    expect((await exported(server.session, "")).events).toEqual([]);
    const lines = await play(server, "r2", CUSTOM);
    expect((await exported(server.session, "?view=raw")).events).toHaveLength(CUSTOM.length + 3);
    expect(JSON.parse(lines.at(-1) ?? "")).toMatchObject({ type: "RUN_FINISHED", runId: "r2" });
  });

  it("takes no other line along, whatever blocks are missing", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(3_000), fc.integer({ min: 1, max: 400 })), { maxLength: 4 }),
        async (stretches) => {
          const machine = await startMachine();
          const lines = await play(await machine.start(), "r", CUSTOM);
          const { length } = await machine.rawLog();
          // the last byte is there: a line without its end was never accepted
          const holes = stretches
            .map(([start, bytes]) => ({ start, end: Math.min(start + bytes, length - 1) }))
            .filter(({ start, end }) => start < end);
          await machine.losePower(holes);
          const { session } = await machine.start();
          const raw = await exported(session, "?view=raw");
          const whole = undamaged(lines, holes).map((line) => JSON.parse(line) as unknown);
          // a run that lost its end gets another
          expect(raw.events.slice(0, whole.length)).toEqual(whole);
          await exported(session, "");
          await machine.stop();
        },
      ),
      { numRuns: 12 },
    );
  });
});
