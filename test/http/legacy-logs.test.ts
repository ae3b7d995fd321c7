import { mkdir, readdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { createDiskLogStore, type DiskLogStore } from "../../adapters/disk/index.ts";
import { RunlogError } from "../../src/ports/errors.ts";
import type { LegacyLogs } from "../../src/ports/legacy-logs.ts";
import type { LogStore } from "../../src/ports/log-store.ts";
import type { SessionDirectory } from "../../src/ports/session-directory.ts";
import type { LegacyFiles } from "../contract/legacy-logs.ts";
import type { ScriptedExchange } from "../contract/runner-client.ts";
import type { SseEvent } from "../contract/read-sse.ts";
import {
  answerJson,
  expectProblem,
  finishedEvent,
  runBody,
  SessionClient,
  startedEvent,
  tell,
} from "../contract/session-routes/harness.ts";
import { waitFor } from "../contract/wait-for.ts";
import { createManualClock } from "../support/manual-clock.ts";
import { createTempDir } from "../support/temp-dir.ts";
import { createTestServer, type TestServerOptions } from "../support/test-server.ts";

const STARTED =
  '{"threadId":"s1","timestamp":"2025-06-01T00:00:00Z","type":"RUN_STARTED","runId":"old"}';
const EVENTS = `${STARTED}
{"nested":{"type":"RUN_ERROR"},"timestamp":"","type":"CUSTOM"}

{"type":"torn in the middle
{"messages":[{"timestamp":"2025-06-01T00:00:00Z"}],"runId":"","type":"MESSAGES_SNAPSHOT"}
`;
/** What readers see of them. */
const SHOWN = [
  { threadId: "s1", timestamp: 1_748_736_000_000, type: "RUN_STARTED", runId: "old" },
  { nested: { type: "RUN_ERROR" }, type: "CUSTOM" },
  { messages: [{ timestamp: "2025-06-01T00:00:00Z" }], runId: "", type: "MESSAGES_SNAPSHOT" },
];
const MESSAGES = `{"type":"user_message","payload":{"content":"hello"}}
{"type":"system.message","payload":{}}
not json
{"type":"agent.message","payload":{"content":{"type":"text_block","text":"hi"}}}
{"type":"agent.message","payload":{"content":{"type":"tool_use_block"}}}
{"type":"user_message","payload":{"content":["no text"]}}`;
const REFUSED = "Old event log cannot be assigned to this project";
const META = '{"type":"META","metaType":"thumbs_up","payload":{}}';

interface Options extends Partial<Omit<TestServerOptions, "store">> {
  readonly dir?: string;
  /** Puts something around the store. */
  readonly wrap?: (store: LogStore) => LogStore;
  /** Puts something around what finds the legacy logs. */
  readonly wrapLegacy?: (logs: LegacyLogs) => LegacyLogs;
  /** The project that imports; null for none, "by-directory" for whoever holds the session. */
  readonly project?: string | null;
}

/** A server on a directory in which an older system left `files` of the session `s1`. */
async function startServer(files: LegacyFiles | null, options: Options = {}) {
  const { wrap = (store) => store, wrapLegacy = (logs) => logs, project = "p1", ...rest } = options;
  const dir = options.dir ?? (await freshDir());
  if (files) await leave(dir, files);
  const disk = createDiskLogStore({ dir });
  const logged: string[] = [];
  const log = (event: string): void => void logged.push(event);
  const legacy = {
    logs: wrapLegacy(disk.legacy),
    ...(project !== "by-directory" && { project }),
  };
  const server = await createTestServer({
    store: wrap(disk),
    legacy,
    logger: { info: log, warn: log, error: log },
    ...rest,
  });
  let stopped: Promise<void> | null = null;
  const stop = (): Promise<void> => (stopped ??= server.dispose());
  onTestFinished(stop);
  return { ...server, dir, disk, logged, stop, session: new SessionClient(server) };
}

async function freshDir(): Promise<string> {
  const dir = await createTempDir();
  onTestFinished(() => dir.remove());
  return dir.path;
}

async function leave(dir: string, files: LegacyFiles): Promise<void> {
  const old = join(dir, "sessions", "s1");
  await mkdir(old, { recursive: true });
  for (const [name, content] of Object.entries(files)) await writeFile(join(old, name), content);
}

function legacyFilesIn(dir: string): Promise<string[]> {
  return readdir(join(dir, "sessions", "s1")).catch(() => []);
}

/** The session's raw log as it lies on disk. */
async function rawIn(dir: string, disk: DiskLogStore): Promise<string> {
  const stat = await disk.stat({ project: "p1", session: "s1" });
  return readFile(join(dir, "projects", "p1", "s1", stat?.logId ?? "", "raw.jsonl"), "utf8");
}

function failed(): RunlogError {
  return new RunlogError("store-failed", "The disk failed");
}

/** A directory in which these projects hold every session. */
function holding(...projects: readonly string[]): Partial<SessionDirectory> {
  return { projectsWith: async () => projects };
}

function valuesOf(events: readonly SseEvent[]): unknown[] {
  return events.map(({ data }) => JSON.parse(data) as unknown);
}

const oneRun = (exchange: ScriptedExchange): Promise<void> =>
  tell(exchange, [startedEvent(), finishedEvent()]);

/** What clients do first. */
const ACCESSES: readonly [string, (session: SessionClient) => Promise<Response>][] = [
  ["GET the session", (s) => s.get("")],
  ["GET /agui/events", (s) => s.get("/agui/events")],
  ["GET /export", (s) => s.get("/export")],
  ["POST /agui/run", (s) => s.post("/agui/run", runBody())],
  ["POST /agui/feedback", (s) => s.post("/agui/feedback", META)],
  ["POST /stop", (s) => s.post("/stop", "{}")],
];

describe("a legacy log (PROTOCOL 15)", () => {
  it.each(ACCESSES)("is imported by %s", async (_name, access) => {
    const { session, runner, dir, disk } = await startServer({ "agui-events.jsonl": EVENTS });
    runner.script(({ closed }) => closed);
    runner.script((exchange) => answerJson(exchange, 200, {}), "feedback");
    const response = await access(session);
    expect(response.status).toBeLessThan(300);
    await response.body?.cancel();
    expect(await legacyFilesIn(dir)).toEqual([]);
    expect((await rawIn(dir, disk)).startsWith(EVENTS)).toBe(true);
  });

  it("is not imported by a list of sessions, nor by a name that is none", async () => {
    const { fetch, dir } = await startServer({ "agui-events.jsonl": EVENTS });
    const list = await fetch("/api/projects/p1/agentic-sessions");
    expect(await list.json()).toMatchObject({ items: [], totalCount: 0 });
    await fetch("/api/projects/p1/agentic-sessions/S1/agui/events");
    expect(await legacyFilesIn(dir)).toEqual(["agui-events.jsonl"]);
  });

  it("is imported by the document of its session, and not by the session's row in a list", async () => {
    const document = {
      metadata: { name: "s1", namespace: "p1", uid: "u" },
      spec: { displayName: "" },
      status: { phase: "Running" },
    };
    const directory: Partial<SessionDirectory> = {
      ...holding("p1"),
      get: async () => document,
      page: async () => ({ documents: [document], totalCount: 1 }),
    };
    const { fetch, session, dir } = await startServer(
      { "agui-events.jsonl": EVENTS },
      { project: "by-directory", directory },
    );
    const list = async () => (await fetch("/api/projects/p1/agentic-sessions")).json();
    expect(await list()).toMatchObject({ items: [document] });
    expect(JSON.stringify(await list())).not.toContain("agentStatus");
    expect(await legacyFilesIn(dir)).toEqual(["agui-events.jsonl"]);
    expect((await session.get("")).status).toBe(200);
    expect(await legacyFilesIn(dir)).toEqual([]);
    await waitFor(async () => (await session.agentStatus()) === "idle", { what: "its status" });
    expect(JSON.stringify(await list())).toContain('"agentStatus":"idle"');
  });

  it("is replayed without its malformed lines and with its times as numbers, then live", async () => {
    const { session, runner, dir, disk } = await startServer({ "agui-events.jsonl": EVENTS });
    const { sse } = await session.watch();
    const seen = await sse.events(4);
    expect(valuesOf(seen).slice(0, 3)).toEqual(SHOWN);
    expect(valuesOf(seen)[3]).toMatchObject({
      type: "RUN_ERROR",
      code: "server-restarted",
      runId: "old",
      threadId: "s1",
    });
    expect(await session.agentStatus()).toBe("idle");

    runner.script(oneRun);
    await session.run();
    seen.push(...(await sse.until(({ data }) => data === finishedEvent())));
    await sse.cancel();
    for (const [index, { id }] of seen.entries()) {
      const again = await session.watch("", { "Last-Event-ID": id });
      expect(again.response.headers.get("X-Runlog-Replay")).toBeNull();
      const rest = seen.slice(index + 1);
      expect(await again.sse.events(rest.length)).toEqual(rest);
      await again.sse.cancel();
    }
    expect((await rawIn(dir, disk)).startsWith(EVENTS)).toBe(true);
  });

  it("knows no cursor at the end of a line that is not visible", async () => {
    const { session } = await startServer({ "agui-events.jsonl": EVENTS });
    const { sse } = await session.watch("?view=raw");
    const [first] = await sse.events(1);
    await sse.cancel();
    const [logId = ""] = first?.id.split("-r") ?? [];
    const inner = EVENTS.indexOf('{"type":"torn');
    const again = await session.watch(`?view=raw&after=${logId}-r${inner}`);
    expect(again.response.headers.get("X-Runlog-Replay")).toBe("full; reason=not-at-a-line");
    expect(await again.sse.events(1)).toEqual([first]);
    await again.sse.cancel();
  });

  it("is exported without its malformed lines, and says how many there were", async () => {
    const { session } = await startServer({ "agui-events.jsonl": `${EVENTS}{"torn` });
    const response = await session.get("/export");
    expect(response.headers.get("X-Runlog-Skipped-Lines")).toBe("2");
    const document = (await response.json()) as { aguiEvents: unknown[] };
    expect(document.aguiEvents.slice(0, 3)).toEqual(SHOWN);
    expect(document.aguiEvents).toHaveLength(4);
    expect(document).toMatchObject({ hasLegacy: false });
    expect(document).not.toHaveProperty("legacyMessages");
    const lines = await session.get("/export", { Accept: "application/x-ndjson" });
    const length = lines.headers.get("Content-Length");
    expect(String((await lines.arrayBuffer()).byteLength)).toBe(length);
    expect((await session.lines()).map((line) => JSON.parse(line) as unknown)).toEqual(
      document.aguiEvents,
    );
  });

  it("is an empty one if none of its lines is an event", async () => {
    const { session, runner } = await startServer({ "agui-events.jsonl": 'bad\n\n{"torn' });
    const response = await session.get("/export");
    expect(response.headers.get("X-Runlog-Skipped-Lines")).toBe("2");
    expect(await response.json()).toMatchObject({ aguiEvents: [] });
    const { sse } = await session.watch();
    runner.script(oneRun);
    await session.run();
    const seen = await sse.until(({ data }) => data === finishedEvent());
    expect(seen.map(({ data }) => data)).toEqual(await session.lines());
    expect(seen).toHaveLength(3);
  });

  it("is imported whole when the first thing that happens is a run", async () => {
    const { session, runner } = await startServer({ "agui-events.jsonl": EVENTS });
    const lines = await (async () => {
      runner.script(oneRun);
      await session.run();
      return session.settled();
    })();
    const events = lines.map((line) => JSON.parse(line) as { type: string });
    expect(events.slice(0, 3)).toEqual(SHOWN);
    expect(events.slice(3).map(({ type }) => type)).toEqual([
      "RUN_ERROR",
      "MESSAGES_SNAPSHOT",
      "RUN_STARTED",
      "RUN_FINISHED",
    ]);
  });

  it("goes with its session, and nobody gets it again", async () => {
    const { session, dir } = await startServer({ "agui-events.jsonl": EVENTS });
    const response = await session.get("/agui/events", {}, "DELETE");
    await response.body?.cancel();
    expect((await session.get("", {}, "DELETE")).status).toBe(204);
    expect(await legacyFilesIn(dir)).toEqual([]);
    expect((await session.get("")).status).toBe(404);
    expect((await session.get("/export")).status).toBe(404);
  });

  it("goes back to where it was by moving it", async () => {
    const first = await startServer({ "agui-events.jsonl": EVENTS });
    const before = await first.session.lines();
    const { logId = "" } = (await first.disk.stat({ project: "p1", session: "s1" })) ?? {};
    await first.stop();
    const { dir } = first;
    const log = join(dir, "projects", "p1", "s1", logId);
    await rename(log, join(dir, "sessions", "s1"));
    const old = join(dir, "sessions", "s1");
    await rename(join(old, "raw.jsonl"), join(old, "agui-events.jsonl"));
    const again = await startServer(null, { dir });
    expect(await again.session.lines()).toEqual(before);
  });
});

describe("a legacy log of which it is not clear whose it is (PROTOCOL 15)", () => {
  const DOUBTFUL: readonly [string, Options][] = [
    ["no project imports", { project: null }],
    ["another project imports", { project: "other" }],
    ["two projects hold the session", { directory: holding("p1", "p2") }],
    ["another project holds the session", { directory: holding("p2") }],
    ["no project holds the session", { directory: holding() }],
  ];

  it.each(DOUBTFUL)("stays where it is and is refused when %s", async (_when, options) => {
    const byDirectory = options.directory ? { project: "by-directory" } : {};
    const server = await startServer(
      { "agui-events.jsonl": EVENTS },
      { ...options, ...byDirectory },
    );
    const { session, dir, logged } = server;
    await expectProblem(await session.get("/agui/events"), 409, REFUSED);
    await expectProblem(await session.get("/export"), 409, REFUSED);
    await expectProblem(await session.post("/agui/run", runBody()), 409, REFUSED);
    await expectProblem(await session.post("/agui/feedback", META), 409, REFUSED);
    expect((await session.get("")).status).toBe(404);
    expect(await legacyFilesIn(dir)).toEqual(["agui-events.jsonl"]);
    expect(logged.filter((event) => event === "old-log-not-adopted")).toHaveLength(1);
    expect(server.runner.requests).toHaveLength(0);
  });

  it("is imported once one project alone holds the session, and no other project sees any of it", async () => {
    let projects = ["p1", "p2"];
    const server = await startServer(
      { "agui-events.jsonl": EVENTS },
      { project: "by-directory", directory: { projectsWith: async () => projects } },
    );
    const other = new SessionClient(server, "s1", "p2");
    expect((await other.get("/export")).status).toBe(409);
    projects = ["p1"];
    expect((await other.get("/export")).status).toBe(409);
    expect(await server.session.lines()).toHaveLength(4);
    projects = ["p1", "p2"];
    expect((await other.get("/export")).status).toBe(404);
    expect(await server.session.lines()).toHaveLength(4);
  });

  it("is nothing to a session that has a log of its own", async () => {
    const { session, runner, dir } = await startServer(null);
    runner.script(oneRun);
    await session.run();
    const lines = await session.settled();
    await leave(dir, { "agui-events.jsonl": EVENTS });
    expect(await session.lines()).toEqual(lines);
    expect(await legacyFilesIn(dir)).toEqual(["agui-events.jsonl"]);
  });
});

describe("old messages (PROTOCOL 15)", () => {
  it("become one event, exactly once, whatever comes first and at once", async () => {
    const { session, runner, dir, disk } = await startServer({ "messages.jsonl": MESSAGES });
    runner.script(oneRun);
    const accesses = [...ACCESSES.slice(0, 4), ...ACCESSES.slice(0, 3), ...ACCESSES.slice(1, 2)];
    const responses = await Promise.all(accesses.map(([, access]) => access(session)));
    for (const response of responses) {
      expect(response.ok).toBe(true);
      await response.body?.cancel();
    }
    const [snapshot = "", ...rest] = await session.settled();
    expect(JSON.parse(snapshot)).toEqual({
      type: "MESSAGES_SNAPSHOT",
      threadId: "s1",
      runId: "legacy-migration",
      timestamp: expect.any(Number),
      messages: [
        { id: expect.stringMatching(/^legacy-1-/), role: "user", content: "hello" },
        { id: expect.stringMatching(/^legacy-4-/), role: "assistant", content: "hi" },
        { id: expect.stringMatching(/^legacy-6-/), role: "user" },
      ],
    });
    expect(rest.some((line) => line.includes("legacy-migration"))).toBe(false);
    const { logId = "" } = (await disk.stat({ project: "p1", session: "s1" })) ?? {};
    const names = await readdir(join(dir, "projects", "p1", "s1", logId));
    expect(names).toContain("messages.jsonl.migrated");
    expect(names).not.toContain("messages.jsonl");
  });

  it("do not say what the agent does", async () => {
    const { session } = await startServer({ "messages.jsonl": MESSAGES });
    expect(await session.lines()).toHaveLength(1);
    expect(await session.agentStatus()).toBeUndefined();
  });

  it("are exported as they are, without lines that are malformed", async () => {
    const { session } = await startServer({ "messages.jsonl": MESSAGES });
    const text = await (await session.get("/export")).text();
    const lines = MESSAGES.split("\n").filter((line) => line !== "not json");
    expect(text).toContain(`"legacyMessages":[${lines.join(",")}],"hasLegacy":true}`);
  });

  it("count as migrated if nobody said anything", async () => {
    const { session, dir, disk } = await startServer({
      "messages.jsonl": '{"type":"agent.running"}\n\n',
    });
    const document = await (await session.get("/export")).json();
    expect(document).toMatchObject({
      aguiEvents: [],
      legacyMessages: [{ type: "agent.running" }],
      hasLegacy: true,
    });
    const { logId = "" } = (await disk.stat({ project: "p1", session: "s1" })) ?? {};
    const names = await readdir(join(dir, "projects", "p1", "s1", logId));
    expect(names).toContain("messages.jsonl.migrated");
  });

  it("stay beside an event log as they are", async () => {
    const { session } = await startServer({
      "messages.jsonl": MESSAGES,
      "agui-events.jsonl": EVENTS,
    });
    const document = (await (await session.get("/export")).json()) as { aguiEvents: unknown[] };
    expect(document.aguiEvents.slice(0, 3)).toEqual(SHOWN);
    expect(document).toMatchObject({ hasLegacy: true });
  });
});

describe("a legacy log that is being scanned (PROTOCOL 15)", () => {
  it("keeps whoever watches it waiting with heartbeats, and nobody else", async () => {
    const clock = createManualClock();
    let go = (): void => {};
    const held = new Promise<void>((resolve) => {
      go = resolve;
    });
    const server = await startServer(
      { "agui-events.jsonl": EVENTS },
      { clock, wrap: (store) => withHeldReads(store, held) },
    );
    const { session } = server;
    const { response, sse } = await session.watch();
    expect(response.status).toBe(200);
    expect(await sse.frame()).toMatchObject({ retry: expect.any(String) });
    for (let i = 0; i < 3; i++) {
      const beat = sse.frame();
      clock.advance(15_000);
      expect(await beat).toMatchObject({ comments: ["heartbeat"] });
    }
    expect((await session.get("")).status).toBe(200);
    expect(await session.agentStatus()).toBeUndefined();
    expect(await new SessionClient(server, "other").lines().catch(() => [])).toEqual([]);
    const answered = session.get("/export");
    go();
    expect(valuesOf(await sse.events(4)).slice(0, 3)).toEqual(SHOWN);
    expect(((await (await answered).json()) as { aguiEvents: unknown[] }).aguiEvents).toHaveLength(
      4,
    );
    await sse.cancel();
  });

  it.each(["edits", "raw", "head"] as const)(
    "loses nothing when the store refuses its %s, and is ready once that is over",
    async (refused) => {
      let isFull = true;
      const first = await startServer(
        { "agui-events.jsonl": EVENTS },
        { wrap: (store) => withRefusals(store, refused, () => isFull) },
      );
      const { session, dir, disk } = first;
      const broken = await session.get("/export");
      expect(broken.status).toBe(503);
      const { sse } = await session.watch();
      await expect(sse.event()).rejects.toThrow("broken off");
      const run = await session.post("/agui/run", runBody());
      await expectProblem(run, 503, "Event log is not writable");
      expect((await rawIn(dir, disk)).startsWith(EVENTS)).toBe(true);
      isFull = false;
      expect((await session.lines()).map((line) => JSON.parse(line) as unknown)).toMatchObject([
        ...SHOWN,
        { type: "RUN_ERROR" },
      ]);
    },
  );

  it("stays where it is when it cannot be moved, and each route says so in its own words", async () => {
    const { session, dir, disk } = await startServer(
      { "agui-events.jsonl": EVENTS },
      { wrapLegacy: (logs) => ({ ...logs, takeOver: () => Promise.reject(failed()) }) },
    );
    await expectProblem(await session.get("/export"), 500, "Failed to read session events");
    expect((await session.get("/agui/events")).status).toBe(500);
    const run = await session.post("/agui/run", runBody());
    await expectProblem(run, 503, "Event log is not writable");
    expect((await session.get("")).status).toBe(404);
    expect(await legacyFilesIn(dir)).toEqual(["agui-events.jsonl"]);
    expect(await disk.stat({ project: "p1", session: "s1" })).toBeNull();
  });

  it("is scanned by the next server where one stopped in the middle", async () => {
    const first = await startServer(
      { "agui-events.jsonl": EVENTS },
      { wrap: (store) => withRefusals(store, "head", () => true) },
    );
    expect((await first.session.get("/export")).status).toBe(503);
    await first.stop();
    const second = await startServer(null, { dir: first.dir, project: null });
    const lines = await second.session.lines();
    expect(lines.map((line) => JSON.parse(line) as unknown)).toMatchObject([
      ...SHOWN,
      { type: "RUN_ERROR", runId: "old" },
    ]);
  });
});

/** The same store, whose reads of raw logs give nothing until `held` resolves. */
function withHeldReads(store: LogStore, held: Promise<void>): LogStore {
  return {
    ...store,
    read(key, options) {
      if (options.log === "edits") return store.read(key, options);
      const reader = store.read(key, options).getReader({ mode: "byob" });
      return new ReadableStream(
        {
          type: "bytes",
          async pull(controller) {
            await held;
            const { value, done } = await reader.read(new Uint8Array(64));
            if (!done) return controller.enqueue(value);
            controller.close();
            controller.byobRequest?.respond(0);
          },
        },
        { highWaterMark: 0 },
      );
    },
  };
}

/** The same store, which has no room for one kind of thing while `isFull`. */
function withRefusals(
  store: LogStore,
  refused: "edits" | "raw" | "head",
  isFull: () => boolean,
): LogStore {
  const check = (what: string): void => {
    if (what === refused && isFull()) throw new RunlogError("store-full", "The disk is full");
  };
  return {
    ...store,
    async append(key, bytes, options) {
      check(options.log ?? "raw");
      return store.append(key, bytes, options);
    },
    async setHead(key, logId, head) {
      check("head");
      return store.setHead(key, logId, head);
    },
  };
}

it("is waited for by all who need it, and scanned once", async () => {
  const { session, logged } = await startServer({ "agui-events.jsonl": EVENTS });
  const exports = await Promise.all(Array.from({ length: 8 }, () => session.lines()));
  for (const lines of exports) expect(lines).toEqual(exports[0]);
  await waitFor(() => logged.includes("old-log-looked-through"), { what: "the look" });
  expect(logged.filter((event) => event === "old-log-adopted")).toHaveLength(1);
  expect(logged.filter((event) => event === "old-log-looked-through")).toHaveLength(1);
});
