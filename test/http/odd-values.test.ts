import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { createDiskLogStore } from "../../adapters/disk/index.ts";
import { createMemoryLogStore } from "../../adapters/memory/index.ts";
import { createLocalDirectory } from "../../adapters/local/index.ts";
import {
  finishedEvent,
  runBody,
  SessionClient,
  startedEvent,
  tell,
} from "../contract/session-routes/harness.ts";
import { type Document, ProjectClient } from "../contract/session-routes/project-client.ts";
import { collect } from "../contract/outcome.ts";
import { archivingStore } from "../support/archiving.ts";
import { createTempDir } from "../support/temp-dir.ts";
import { createTestServer } from "../support/test-server.ts";

const NAMES = ["s1", "s2"];

async function startServer(dir: string) {
  const store = createDiskLogStore({ dir });
  const server = await createTestServer({ store });
  let stopped: Promise<void> | null = null;
  const stop = (): Promise<void> => (stopped ??= server.dispose());
  onTestFinished(stop);
  return { ...server, store, stop };
}

/** A directory with two sessions that are idle, and no server. */
async function usedDir(): Promise<string> {
  const dir = await createTempDir();
  onTestFinished(() => dir.remove());
  const server = await startServer(dir.path);
  for (const name of NAMES)
    await new SessionClient(server, name).play([startedEvent(), finishedEvent()]);
  await server.stop();
  return dir.path;
}

async function pathOf(dir: string, name: string): Promise<string> {
  const session = join(dir, "projects", "p1", "s1");
  const [logId = ""] = await readdir(session);
  return join(session, logId, name);
}

/** What a list says of each session's agent. */
async function listed(
  server: Parameters<typeof createClient>[0],
): Promise<Record<string, unknown>> {
  const response = await createClient(server).send("GET", "");
  expect(response.status).toBe(200);
  const { items } = (await response.json()) as { items: Document[] };
  return Object.fromEntries(items.map(({ metadata, status }) => [metadata.name, status]));
}

function createClient(server: ConstructorParameters<typeof ProjectClient>[0]): ProjectClient {
  return new ProjectClient(server);
}

const IDLE = { phase: "Running", agentStatus: "idle" };

describe("a head that makes no sense costs time and nothing else", () => {
  const head = {
    version: 2,
    offset: 0,
    status: null,
    question: null,
    openRun: null,
    runs: [],
    messages: "",
    groupSize: 64,
    groups: "",
  };
  it.each<[string, string | ((whole: Record<string, unknown>) => object)]>([
    ["empty", ""],
    ["zeros", "\0".repeat(300)],
    ["half", '{"version":1,"off'],
    ["null", "null"],
    ["a list", "[]"],
    ["nothing but a version", '{"version":2}'],
    ["nothing but the version before", '{"version":1}'],
    ["another version", JSON.stringify({ ...head, version: 3 })],
    ["a status that is none", JSON.stringify({ ...head, status: 7 })],
    ["an offset that is none", JSON.stringify({ ...head, offset: "x" })],
    ["an offset below zero", JSON.stringify({ ...head, offset: -7 })],
    ["an offset with a fraction", JSON.stringify({ ...head, offset: 0.5 })],
    ["runs that are none", JSON.stringify({ ...head, runs: [[1]] })],
    ["a run in no phase", JSON.stringify({ ...head, runs: [["a", "b", "c"]] })],
    ["messages that are none", JSON.stringify({ ...head, messages: "%%%" })],
    ["messages without end", JSON.stringify({ ...head, messages: btoa("x".repeat(40_000)) })],
    ["messages that are cut off", JSON.stringify({ ...head, messages: btoa("x".repeat(9)) })],
    ["groups that are none", JSON.stringify({ ...head, groups: 7 })],
    ["groups that are cut off", JSON.stringify({ ...head, groups: btoa("x".repeat(7)) })],
    ["groups without end", JSON.stringify({ ...head, groups: btoa("x".repeat(6_150)) })],
    ["groups of no size", JSON.stringify({ ...head, groupSize: 0 })],
    [
      "messages without end in the version before",
      JSON.stringify({ ...head, version: 1, messages: btoa("x".repeat(40_000)) }),
    ],
    ["an open run that is none", JSON.stringify({ ...head, openRun: {} })],
    ["in the midst of a line", (whole) => ({ ...whole, offset: Number(whole["offset"]) - 7 })],
    ["beyond the end", (whole) => ({ ...whole, offset: Number(whole["offset"]) + 7 })],
  ])("%s", async (_, odd) => {
    const dir = await usedDir();
    const path = await pathOf(dir, "head.json");
    const whole = JSON.parse(await readFile(path, "utf8")) as Record<string, unknown>;
    await writeFile(path, typeof odd === "string" ? odd : JSON.stringify(odd(whole)));
    const server = await startServer(dir);
    const session = new SessionClient(server);
    expect(await session.lines()).toHaveLength(3);
    expect(await listed(server)).toEqual({ s1: IDLE, s2: IDLE });
    server.runner.script((exchange) => tell(exchange, [startedEvent("r2"), finishedEvent("r2")]));
    await session.run(runBody("r2"));
    expect(await session.settled("r2")).toHaveLength(6);
    await server.stop();
    expect(JSON.parse(await readFile(path, "utf8"))).toMatchObject({ version: 2, status: "idle" });
  });

  it("and a list that comes first has what the agent does", async () => {
    const dir = await usedDir();
    await writeFile(await pathOf(dir, "head.json"), "{");
    expect(await listed(await startServer(dir))).toEqual({ s1: IDLE, s2: IDLE });
  });
});

describe("a document that makes no sense", () => {
  it.each([
    "",
    "{{{",
    "null",
    "[]",
    '{"metadata":null,"spec":null}',
    '{"metadata":{},"spec":[]}',
    '{"metadata":[],"spec":{}}',
    '{"metadata":{"name":7,"uid":{}},"spec":{}}',
    '{"metadata":{"annotations":[]},"spec":{}}',
    '{"metadata":{},"spec":{},"status":"x"}',
    '{"metadata":{"name":"other","namespace":"p9"},"spec":{"displayName":7,"initialPrompt":[]}}',
  ])("keeps no session from the list: %s", async (text) => {
    const dir = await usedDir();
    const path = await pathOf(dir, "document.json");
    await writeFile(path, text);
    const server = await startServer(dir);
    expect(await listed(server)).toMatchObject({ s1: {}, s2: IDLE });
    expect(await createClient(server).names("?search=s1")).toEqual(["s1"]);
    const document = await createClient(server).get("s1");
    expect(document.metadata).toMatchObject({
      name: "s1",
      namespace: "p1",
      uid: expect.stringMatching(/./) as string,
      creationTimestamp: expect.stringMatching(/Z$/) as string,
    });
    expect(await new SessionClient(server).lines()).toHaveLength(3);
    // what nobody can read is not replaced by what somebody guessed
    await createClient(server).send("PUT", "s1/displayname", { body: { displayName: "new" } });
    if (!text.includes("other")) expect(await readFile(path, "utf8")).toBe(text);
  });

  it("is logged once", async () => {
    const dir = await usedDir();
    await writeFile(await pathOf(dir, "document.json"), "{{{");
    const { store } = await startServer(dir);
    const told: unknown[] = [];
    const warn = (event: string, facts?: object): void => void told.push({ event, ...facts });
    const directory = createLocalDirectory({
      store,
      runnerUrl: "http://127.0.0.1/",
      logger: { warn },
    });
    for (const _ of [1, 2]) await directory.get({ project: "p1", session: "s1" });
    expect(told).toEqual([
      { event: "session-document-not-readable", project: "p1", session: "s1" },
    ]);
  });
});

describe("a head that says that the session is archived, and is not whole", () => {
  it("keeps no other session from the list", async () => {
    const dir = await usedDir();
    await writeFile(await pathOf(dir, "head.json"), 'runlog:archived {"logId":"x');
    const store = archivingStore(createDiskLogStore({ dir }));
    const server = await createTestServer({ store, archiver: store });
    onTestFinished(() => server.dispose());
    expect(await listed(server)).toMatchObject({ s1: { phase: "Running" }, s2: IDLE });
  });
});

describe("a mark of a run", () => {
  it("of another log, or of no session, goes, and writes into no log", async () => {
    const dir = await usedDir();
    const before = await startServer(dir);
    const key = { project: "p1", session: "s1" };
    const { logId = "" } = (await before.store.stat(key)) ?? {};
    await before.store.markOpen(key, logId, "ghost", "{}");
    await before.stop();
    const folder = join(dir, "open-runs");
    const [name = ""] = await readdir(folder);
    const mark = JSON.parse(await readFile(join(folder, name), "utf8")) as object;
    await writeFile(join(folder, name), JSON.stringify({ ...mark, logId: "0000000000000000" }));
    await writeFile(
      join(folder, name.replace("p1.s1.", "p1.gone.")),
      JSON.stringify({ ...mark, session: "gone" }),
    );
    const server = await startServer(dir);
    expect(await collect(server.store.openRuns())).toEqual([]);
    expect(await new SessionClient(server).lines()).toHaveLength(3);
    expect(Object.keys(await listed(server)).sort()).toEqual(NAMES);
  });

  it("of a log that got another id when the machine went down ends its run there", async () => {
    const dir = await createTempDir();
    onTestFinished(() => dir.remove());
    const key = { project: "p1", session: "s1" };
    const first = createDiskLogStore({ dir: dir.path, bootId: "boot-1" });
    const { logId } = await first.create(key);
    const started = new TextEncoder().encode(`${startedEvent("open")}\n`);
    await first.append(key, started, { logId, expectedEnd: 0 });
    await first.markOpen(key, logId, "open", '{"threadId":"t"}');
    const note = await readFile(await pathOf(dir.path, "unclean"));
    await first.close();
    await writeFile(await pathOf(dir.path, "unclean"), note);
    const store = createDiskLogStore({ dir: dir.path, bootId: "boot-2" });
    const server = await createTestServer({ store });
    onTestFinished(() => server.dispose());
    const lines = await new SessionClient(server).lines();
    expect(lines.map((line) => (JSON.parse(line) as { type: string }).type)).toEqual([
      "RUN_STARTED",
      "RUN_ERROR",
    ]);
    expect(await collect(store.openRuns())).toEqual([]);
    expect((await store.stat(key))?.logId).not.toBe(logId);
  });
});

describe("a body of more messages than a run may have", () => {
  const body = `{"runId":"many","messages":[${Array(65_537).fill("{}").join(",")}]}`;

  it.each([
    ["to run", "/agui/run", "application/json"],
    ["to run with its events as the answer", "/agui/run", "text/event-stream"],
    ["to connect", "/agui/connect", "text/event-stream"],
  ])("is refused that is posted %s", async (_, path, accept) => {
    const server = await createTestServer({ store: createMemoryLogStore() });
    onTestFinished(() => server.dispose());
    const session = new SessionClient(server, "s1");
    const response = await session.post(path, body, { Accept: accept });
    expect(response.status).toBe(400);
    expect(await response.text()).toContain("messages has more than 65536 items");
    expect(server.runner.requests).toHaveLength(0);
  });
});

describe("a body of millions of tiny values", () => {
  const tiny = `[${"{},".repeat(4_000_000)}{}]`;
  const bodies: [string, string][] = [
    ["the state", `{"runId":"r1","messages":[],"state":{"a":${tiny}}}`],
    ["the forwarded properties", `{"runId":"r1","messages":[],"forwardedProps":{"a":${tiny}}}`],
    [
      "a message's content",
      `{"runId":"r1","messages":[{"id":"m1","role":"user","content":${tiny}}]}`,
    ],
  ];

  it.each(
    bodies.flatMap(([where, body]) =>
      ["/agui/connect", "/agui/run"].map((path): [string, string, string] => [where, path, body]),
    ),
  )("in %s is taken by %s without being parsed as a whole", async (_, path, body) => {
    const server = await createTestServer({ store: createMemoryLogStore() });
    onTestFinished(() => server.dispose());
    server.runner.script((exchange) => tell(exchange, [startedEvent(), finishedEvent()]));
    const session = new SessionClient(server, "s1");
    const parse = vi.spyOn(JSON, "parse");
    onTestFinished(() => parse.mockRestore());
    const response = await session.post(path, body, { Accept: "text/event-stream" });
    expect(response.status).toBe(200);
    await response.text();
    const longest = Math.max(0, ...parse.mock.calls.map(([text]) => text.length));
    expect(longest).toBeLessThan(64 * 1024);
    expect((await server.fetch("/health")).status).toBe(200);
  });
});
