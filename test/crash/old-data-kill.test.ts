import { appendFile, mkdir, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { expect, it } from "vitest";
import {
  freshDir,
  freshRunner,
  type ServerProcess,
  sessionOf,
  startServer,
} from "../support/server-process.ts";
import { waitFor } from "../support/wait-for.ts";

const MIB = 1024 * 1024;
const EVENTS = 80_000;
const MESSAGES = 40_000;
/** Sizes of the edits at which a server is killed: just imported, then somewhere in the middle. */
const KILLED_AT = [1, MIB, 2 * MIB];

it("a legacy log is scanned to its end, whatever kills the servers that do it", async () => {
  const { dir, start, runner } = await prepare("agui-events.jsonl", legacyEvents());
  for (const size of KILLED_AT) {
    const server = await start();
    await killWhen(server, () => sizeOf(dir, "edits.txt").then((bytes) => bytes >= size));
  }
  const session = sessionOf(await start(), runner);
  const { sse } = await session.watch();
  const first = await sse.events(2);
  await sse.cancel();
  const lines = await session.lines();
  expect(first.map(({ data }) => data)).toEqual(lines.slice(0, 2));
  expect(lines).toHaveLength(EVENTS + 1);
  const wrong = lines.slice(0, EVENTS).findIndex((line, i) => {
    const event = JSON.parse(line) as { timestamp: unknown; value: unknown };
    return event.value !== i || event.timestamp !== timeOf(i);
  });
  expect(wrong).toBe(-1);
  expect(JSON.parse(lines.at(-1) ?? "")).toMatchObject({ type: "RUN_ERROR", runId: "old" });
  expect((await contentOf(dir, "raw.jsonl")).startsWith(legacyEvents())).toBe(true);
});

it("a scan of a legacy log goes on although its last record of edits was not whole", async () => {
  const { dir, start, runner } = await prepare("agui-events.jsonl", legacyEvents());
  const server = await start();
  await killWhen(server, () => sizeOf(dir, "edits.txt").then((bytes) => bytes >= 1));
  const edits = await pathOf(dir, "edits.txt");
  const edit = `e${"0".repeat(12)}9${"0".repeat(9)}1${" ".repeat(15)}\n`;
  for (const cut of [edit, edit + edit.slice(0, 20), edit.slice(0, 1)]) {
    await appendFile(edits, cut);
    const next = await start();
    const session = sessionOf(next, runner);
    expect(await session.lines()).toHaveLength(EVENTS + 1);
    next.kill("SIGKILL");
    await next.exited;
  }
});

it("old messages are migrated once, whatever kills the server that does it", async () => {
  const { dir, start, runner } = await prepare("messages.jsonl", legacyMessages());
  for (const name of ["migration.jsonl.tmp", "migration.jsonl", "messages.jsonl.migrated"]) {
    const server = await start();
    // what comes and goes between two looks is no loss: each is another moment
    const begun = async (): Promise<boolean> =>
      (await sizeOf(dir, name)) > 0 || (await sizeOf(dir, "raw.jsonl")) > 0;
    await killWhen(server, begun);
  }
  const session = sessionOf(await start(), runner);
  const lines = await session.lines();
  expect(lines).toHaveLength(1);
  const snapshot = JSON.parse(lines[0] ?? "") as { messages: { id: string; content: string }[] };
  expect(snapshot.messages.map(({ content }) => content)).toEqual(contents());
  expect(new Set(snapshot.messages.map(({ id }) => id)).size).toBe(MESSAGES);
  expect(await contentOf(dir, "messages.jsonl.migrated")).toBe(legacyMessages());
});

async function prepare(name: string, content: string) {
  const runner = await freshRunner();
  const dir = await freshDir();
  const old = join(dir, "sessions", "s1");
  await mkdir(old, { recursive: true });
  await writeFile(join(old, name), content);
  const env = {
    STORAGE_URL: `file:${dir}`,
    RUNNER_URL: runner.address,
    RUNLOG_LEGACY_PROJECT: "p1",
  };
  return { runner, dir, start: () => startServer({ env }) };
}

/** Asks for the session's log, and kills the server at the given moment. */
async function killWhen(server: ServerProcess, isTime: () => Promise<boolean>): Promise<void> {
  const answered = server.fetch("/api/projects/p1/agentic-sessions/s1/export").then(
    (response) => response.text(),
    // the answer is what the kill cuts off
    () => "",
  );
  await waitFor(isTime, { what: "the moment" });
  server.kill("SIGKILL");
  await Promise.all([answered.catch(() => ""), server.exited]);
}

async function pathOf(dir: string, name: string): Promise<string> {
  const names = await readdir(join(dir, "projects"), { recursive: true });
  return join(dir, "projects", names.find((path) => basename(path) === name) ?? "(none)");
}

async function sizeOf(dir: string, name: string): Promise<number> {
  try {
    return (await stat(await pathOf(dir, name))).size;
  } catch {
    // not there, or no longer
    return 0;
  }
}

async function contentOf(dir: string, name: string): Promise<string> {
  return readFile(await pathOf(dir, name), "utf8");
}

function timeOf(index: number): number {
  return 1_700_000_000_000 + index * 7;
}

function legacyEvents(): string {
  const started = { runId: "old", timestamp: new Date(timeOf(0)), type: "RUN_STARTED", value: 0 };
  const lines = [JSON.stringify(started)];
  for (let i = 1; i < EVENTS; i++) {
    if (i % 1_000 === 0) lines.push('{"type":"torn', "");
    lines.push(JSON.stringify({ timestamp: new Date(timeOf(i)), type: "CUSTOM", value: i }));
  }
  return `${lines.join("\n")}\n`;
}

function contents(): string[] {
  return Array.from({ length: MESSAGES }, (_, i) => `message ${i} ${"x".repeat(100)}`);
}

function legacyMessages(): string {
  return contents()
    .map((content) => `${JSON.stringify({ type: "user_message", payload: { content } })}\n`)
    .join("");
}
