import { appendFile, mkdir, readFile, rm, symlink, truncate, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { expect, it } from "vitest";
import { createRandom } from "../../scripts/bench/random.ts";
import { createLogId } from "../../src/ports/log-id.ts";
import { finishedEvent, runBody, startedEvent, tell } from "../contract/session-routes/harness.ts";
import type { FakeRunner } from "../support/fake-runner.ts";
import {
  freshDir,
  freshRunner,
  runCli,
  type ServerProcess,
  sessionOf,
  startServer,
} from "../support/server-process.ts";
import { waitFor } from "../support/wait-for.ts";

const WHOLE = [
  startedEvent("old"),
  '{"type":"CUSTOM","name":"n","value":"ü"}',
  finishedEvent("old"),
];
const WHOLE_TEXT = WHOLE.map((line) => `${line}\n`).join("");
const TORN = Buffer.from(
  '{"type":"TEXT_MESSAGE_CONTENT","messageId":"m","delta":"äöü 😀 \\" {"}\n',
);

it("a last event that was torn at any byte is gone, everything before it is there, and the next run follows", async () => {
  const { dir, start } = await prepare();
  const names = Array.from({ length: TORN.length }, (_, length) => `torn-${length}`);
  for (const [length, name] of names.entries())
    await layLog(dir, name, Buffer.concat([Buffer.from(WHOLE_TEXT), TORN.subarray(0, length)]));
  const { server, runner } = await start();
  for (const name of names) await expectToGoOn(server, runner, name, WHOLE);
});

it("a log that was cut off anywhere without the server's knowledge serves the lines that are left, and goes on", async () => {
  const { dir, start } = await prepare();
  const first = await start();
  const cuts = Array.from({ length: 40 }, (_, index) => index * 7);
  const logs = new Map<string, { readonly lines: string[]; readonly cursor: string }>();
  for (const cut of cuts) {
    const session = sessionOf(first.server, first.runner, `cut-${cut}`);
    first.runner.script((exchange) => tell(exchange, WHOLE));
    await session.run(runBody("old"));
    const lines = await session.settled("old");
    // a compacted log that is there by then would be cut off as well
    const { sse } = await session.watch("?view=raw");
    logs.set(`cut-${cut}`, { lines, cursor: (await sse.events(lines.length)).at(-1)?.id ?? "" });
    await sse.cancel();
  }
  first.server.kill("SIGKILL");
  await first.server.exited;
  const left = new Map<string, string[]>();
  for (const [name, { lines, cursor }] of logs) {
    const size = Number(name.slice("cut-".length));
    await truncate(rawFile(dir, name, cursor.slice(0, 16)), size);
    const kept = Buffer.from(lines.join("\n")).subarray(0, size).toString();
    left.set(name, kept.split("\n").slice(0, -1));
  }

  const { server, runner } = await start();
  for (const [name, lines] of left) {
    const watched = await sessionOf(server, runner, name).watch("?view=raw", {
      "Last-Event-ID": logs.get(name)?.cursor ?? "",
    });
    expect(watched.response.headers.get("X-Runlog-Replay")).toBe("full; reason=beyond-the-end");
    await watched.sse.cancel();
    await expectToGoOn(server, runner, name, lines);
  }
});

it("what something else wrote after a log's end spoils no answer and none of the events before it", async () => {
  const seed = Math.trunc(Math.random() * 2 ** 32);
  console.info(`damaged-logs.test.ts: seed ${seed}`);
  const random = createRandom(seed);
  const { dir, start } = await prepare();
  const names = Array.from({ length: 30 }, (_, index) => `garbage-${index}`);
  for (const name of names) {
    const path = await layLog(dir, name, Buffer.from(WHOLE_TEXT));
    const garbage = Buffer.from(
      Array.from({ length: 1 + random.integer(3_000) }, () => random.integer(256)),
    );
    await appendFile(path, garbage);
  }
  const { server, runner } = await start();
  for (const name of names) {
    const session = sessionOf(server, runner, name);
    expect((await session.lines()).slice(0, WHOLE.length)).toEqual(WHOLE);
    expect((await session.get("")).status).toBe(200);
    runner.script((exchange) => tell(exchange, [startedEvent("new"), finishedEvent("new")]));
    await session.run(runBody("new"));
    // the garbage is text to nobody, so the log is looked at as bytes
    await waitFor(async () => {
      const text = await (await session.get("/export", NDJSON)).text();
      return text.slice(-100).includes(`\n${finishedEvent("new")}\n`);
    });
  }
});

it("a file where the store's directory belongs ends the start with a clear error", async () => {
  const dir = await freshDir();
  const path = join(dir, "data");
  await writeFile(path, "not a directory");
  const exit = await runCli({ env: { STORAGE_URL: `file:${path}` } });
  expect(exit).toMatchObject({ code: 1, stdout: "" });
  expect(exit.stderr).toMatch(/^runlog: There is a file where a directory has to be: .*\n$/);
  expect(exit.stderr).toContain(`'${path}`);
  expect(await readFile(path, "utf8")).toBe("not a directory");
});

it.each([
  [
    "a file system in which no directory can be made",
    async () => "/proc/runlog",
    "No directory can",
  ],
  ["a link that leads nowhere", danglingLink, "The link"],
])("%s ends what needs a directory there at once, with its name", async (_, pathOf, says) => {
  const path = await pathOf();
  const run = (args: readonly string[], env: Record<string, string>) => runCli({ args, env });
  const exits = await Promise.all([
    run(["serve"], { STORAGE_URL: `file:${path}` }),
    run(["relay", "--agent", "http://127.0.0.1:9/", "--dir", path], {}),
  ]);
  for (const { code, stderr } of exits) {
    expect(code).toBe(1);
    expect(stderr).toMatch(new RegExp(`^runlog: ${says} .*'${dirname(path)}.*\n$`));
  }
});

async function danglingLink(): Promise<string> {
  const path = join(await freshDir(), "link");
  await symlink("/nowhere/at/all", path);
  return path;
}

it("a lock file that cannot be one is not taken for another server's", async () => {
  const dir = await freshDir();
  await mkdir(join(dir, "lock.db"));
  const exit = await runCli({ env: { STORAGE_URL: `file:${dir}` } });
  expect(exit).toMatchObject({ code: 1, stdout: "" });
  expect(exit.stderr).toMatch(/^runlog: There is a directory where a file has to be: .*\n$/);
  expect(exit.stderr).toContain(`'${join(dir, "lock.db")}'`);
});

it("a session whose directory or log is something else is refused alone, and the others work", async () => {
  const { dir, start } = await prepare();
  const sessionDir = join(dir, "projects", "p1", "no-directory");
  await mkdir(dirname(sessionDir), { recursive: true });
  await writeFile(sessionDir, "a file");
  const log = await layLog(dir, "no-file", Buffer.alloc(0));
  await rm(log);
  await mkdir(log);
  const { server, runner } = await start();
  for (const name of ["no-directory", "no-file"]) {
    const refused = await sessionOf(server, runner, name).post("/agui/run", runBody("r"));
    const text = await refused.text();
    expect([500, 503], text).toContain(refused.status);
    expect(text).not.toContain(dir);
  }
  await expectToGoOn(server, runner, "healthy", []);
  const list = await server.fetch("/api/projects/p1/agentic-sessions");
  expect(list.status).toBe(200);
  const { items }: { items: { metadata: { name: string } }[] } = Object(await list.json());
  expect(items.map(({ metadata }) => metadata.name).sort()).toEqual(["healthy", "no-file"]);
});

const NDJSON = { Accept: "application/x-ndjson" };

async function prepare() {
  const dir = await freshDir();
  const runner = await freshRunner();
  const env = { STORAGE_URL: `file:${dir}`, RUNNER_URL: runner.address };
  await writeFile(join(dir, "runlog.json"), '{"format":1}\n');
  return { dir, start: async () => ({ server: await startServer({ env }), runner }) };
}

function rawFile(dir: string, session: string, logId: string): string {
  return join(dir, "projects", "p1", session, logId, "raw.jsonl");
}

/** Lays a log as a server leaves it that was killed; resolves with its path. */
async function layLog(dir: string, session: string, bytes: Uint8Array): Promise<string> {
  const path = rawFile(dir, session, createLogId(Date.now()));
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, bytes);
  return path;
}

/**
 * Expects exactly `lines` in the log and in the stream, and a run that is stored after them. A run that
 * they leave open may have got its end already.
 */
async function expectToGoOn(
  server: ServerProcess,
  runner: FakeRunner,
  name: string,
  lines: readonly string[],
): Promise<void> {
  const session = sessionOf(server, runner, name);
  if (lines.length > 0) {
    const stored = await session.lines();
    expect(stored.slice(0, lines.length), name).toEqual(lines);
    for (const line of stored.slice(lines.length)) expect(line).toContain('"server-restarted"');
    const { sse } = await session.watch("?view=raw");
    expect((await sse.events(lines.length)).map(({ data }) => data)).toEqual(lines);
    await sse.cancel();
  }
  const events = [startedEvent("next"), finishedEvent("next")];
  runner.script((exchange) => tell(exchange, events));
  await session.run(runBody("next"));
  const all = await session.settled("next");
  expect(all.slice(0, lines.length), name).toEqual(lines);
  expect(all.slice(-2), name).toEqual(events);
}
