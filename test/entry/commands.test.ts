import { createHash } from "node:crypto";
import { readdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { gunzipSync } from "node:zlib";
import { dirname, join } from "node:path";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { createDiskLogStore } from "../../adapters/disk/index.ts";
import { archiveCommand } from "../../src/entry/commands/archive.ts";
import type { Command } from "../../src/entry/commands/command.ts";
import { exportCommand } from "../../src/entry/commands/export.ts";
import { restoreCommand } from "../../src/entry/commands/restore.ts";
import { verifyCommand } from "../../src/entry/commands/verify.ts";
import { exitCodeOf, explain } from "../../src/entry/explain.ts";
import { startS3Server } from "../support/s3-server.ts";
import { finishedEvent, ODD_EVENTS, startedEvent } from "../contract/session-routes/harness.ts";
import {
  freshDir,
  freshRunner,
  runCli,
  type ServerProcess,
  sessionOf,
  startServer,
} from "../support/server-process.ts";
import { waitFor } from "../support/wait-for.ts";

/** A text of many parts: a history of it is shorter when it is compact. */
const TEXT = [
  '{"type":"TEXT_MESSAGE_START","messageId":"a1","role":"assistant"}',
  ...Array.from(
    { length: 20 },
    (_, part) => `{"type":"TEXT_MESSAGE_CONTENT","messageId":"a1","delta":"part ${part} "}`,
  ),
  '{"type":"TEXT_MESSAGE_END","messageId":"a1"}',
];
const RUN = [startedEvent(), ...ODD_EVENTS, ...TEXT, finishedEvent()];
const COMMANDS: Readonly<Record<string, Command>> = {
  archive: archiveCommand,
  restore: restoreCommand,
  export: exportCommand,
  verify: verifyCommand,
};
const RAW = /\/raw\.jsonl$/;

interface Place {
  readonly dir: string;
  readonly env: Record<string, string>;
  /** Runs a command with the place's environment. */
  readonly run: (...args: string[]) => ReturnType<typeof runCli>;
  /** The bytes of the raw log of `p1/s1`. */
  readonly raw: Buffer;
}

/** A store with the sessions `p1/s1` and `p1/s2`, no server, and a place for archives. */
async function freshPlace(more: Record<string, string> = {}): Promise<Place> {
  const dir = await freshDir();
  const data = `file:${dir}/data`;
  const env = { STORAGE_URL: data, RUNLOG_ARCHIVE_URL: `file:${dir}/archive`, ...more };
  const { server } = await serve(env);
  await stop(server);
  const raw = await readFile(await rawFile(dir, "s1"));
  return { dir, env, raw, run: (...args) => runCli({ env, args, cwd: dir }) };
}

/** A server with the two sessions. */
async function serve(env: Record<string, string>) {
  const runner = await freshRunner();
  const server = await startServer({ env: { ...env, RUNNER_URL: runner.address } });
  for (const name of ["s1", "s2"]) {
    const session = sessionOf(server, runner, name);
    runner.script(async (exchange) => {
      await exchange.answer(200, { "Content-Type": "text/event-stream" });
      for (const event of RUN) await exchange.write(`data: ${event}\n\n`);
      await exchange.end();
    });
    await session.run();
    await session.settled();
  }
  return { server, runner };
}

async function stop(server: ServerProcess): Promise<void> {
  server.kill("SIGTERM");
  expect(await server.exited).toEqual({ code: 0, signal: null });
}

async function rawFile(dir: string, session: string): Promise<string> {
  const below = join(dir, "data/projects/p1", session);
  const found = (await readdir(below, { recursive: true })).find((name) => RAW.test(`/${name}`));
  if (!found) throw new Error(`There is no raw log of ${session}`);
  return join(below, found);
}

describe("runlog archive, restore, export and verify", () => {
  it("archive, verify from there, export from there, and restore, without a server", async () => {
    const { dir, run, raw } = await freshPlace();
    const archived = await run("archive", "--project", "p1", "--delete-local", "--json");
    expect({ ...archived, stdout: "" }).toEqual({ code: 0, signal: null, stdout: "", stderr: "" });
    const [first] = archived.stdout.split("\n").map((line) => JSON.parse(line || "{}") as object);
    const sha256 = createHash("sha256").update(raw).digest("hex");
    expect(first).toMatchObject({ project: "p1", session: "s1", result: "archived" });
    expect(JSON.stringify(first)).toContain(sha256);
    await expect(rawFile(dir, "s1")).rejects.toThrow();
    const objects = await readdir(`${dir}/archive`, { recursive: true });
    const packed = objects.filter((name) => /\/s1\/.*raw.*\.gz$/.test(name));
    expect(gunzipSync(await readFile(`${dir}/archive/${packed[0]}`))).toEqual(raw);

    const verified = await run("verify");
    expect(verified.code).toBe(0);
    expect(verified.stdout).toMatch(/^p1\/s1 {2}ok, archived: \d+ events/m);
    const exported = await run("export", "p1/s1", "--format", "ndjson");
    expect(exported).toMatchObject({ code: 0, stdout: raw.toString() });

    const restored = await run("restore");
    expect(restored.code).toBe(0);
    expect(await readFile(await rawFile(dir, "s1"))).toEqual(raw);
  });

  it("take and show sessions by their names, whatever these are", async () => {
    const { dir, run } = await freshPlace();
    const store = createDiskLogStore({ dir: `${dir}/data` });
    const names = ["A001", "thread_abc", "Thread.".repeat(18)];
    for (const session of names) {
      const { logId } = await store.create({ project: "p2", session });
      const line = new TextEncoder().encode(`{"type":"CUSTOM","name":"of","value":"${session}"}\n`);
      await store.append({ project: "p2", session }, line, { logId, expectedEnd: 0 });
    }
    await store.close();
    const args = names.map((name) => `p2/${name}`);
    const lines = (stdout: string): string[] => stdout.trim().split("\n");
    const shown = (stdout: string): string[] =>
      lines(stdout).map((line) => line.split("  ", 1)[0] ?? "");

    expect(shown((await run("verify", "--project", "p2")).stdout).toSorted()).toEqual(
      args.toSorted(),
    );
    expect(shown((await run("archive", ...args, "--delete-local")).stdout)).toEqual(args);
    expect((await run("verify", ...args)).stdout).toMatch(/^p2\/A001 {2}ok, archived: 1 events/m);
    const out = `${dir}/out`;
    const exported = await run("export", "--project", "p2", "-o", out, "--json");
    expect(
      lines(exported.stdout).map((line) => (JSON.parse(line) as { session: string }).session),
    ).toEqual(expect.arrayContaining(names));
    expect(await readdir(`${out}/p2`)).toContain("x-a001--8e7d97a7.json");
    const one = await run("export", args[2] ?? "", "--format", "ndjson");
    expect(one.stdout).toBe(`{"type":"CUSTOM","name":"of","value":"${names[2]}"}\n`);
    expect(shown((await run("restore", ...args)).stdout)).toEqual(args);
    expect((await run("verify", ...args)).code).toBe(0);
  });

  it("take messages in an older format along, to the archive and back", async () => {
    const { dir, run } = await freshPlace();
    const messages = '{"type":"user_message"}\n{"type":"other"}\n';
    const log = await rawFile(dir, "s1");
    const file = join(dirname(log), "messages.jsonl.migrated");
    await writeFile(file, messages);
    const exported = async (): Promise<object> => {
      const { code, stdout } = await run("export", "p1/s1");
      expect(code).toBe(0);
      return { ...(JSON.parse(stdout) as object), exportDate: "" };
    };
    const before = await exported();
    expect(before).toMatchObject({ hasLegacy: true, legacyMessages: [{}, { type: "other" }] });
    expect((await run("archive", "p1/s1", "--delete-local")).code).toBe(0);
    await expect(readFile(file)).rejects.toThrow();
    expect(await exported()).toEqual(before);
    expect((await run("verify", "p1/s1", "--json")).stdout).toContain('"messages":{');

    const objects = await readdir(`${dir}/archive`, { recursive: true });
    const packed = `${dir}/archive/${objects.find((name) => /messages\/.*\.gz$/.test(name))}`;
    const bytes = await readFile(packed);
    expect(gunzipSync(bytes).toString()).toBe(messages);
    await writeFile(packed, bytes.subarray(0, -1));
    expect((await run("verify", "p1/s1")).code).toBe(4);
    expect((await run("restore", "p1/s1")).code).not.toBe(0);
    await writeFile(packed, bytes);
    expect((await run("restore", "p1/s1")).code).toBe(0);
    expect(await readFile(file, "utf8")).toBe(messages);
    expect(await exported()).toEqual(before);
  });

  it("archive passes over an imported log that its server has not scanned", async () => {
    const { dir, run, raw } = await freshPlace();
    const log = await rawFile(dir, "s1");
    const mark = `p${"0".repeat(13 + 10)}${" ".repeat(15)}\n`;
    await writeFile(join(dirname(log), "edits.txt"), mark);
    const archived = await run("archive", "p1/s1", "--delete-local", "--json");
    expect(archived.code).not.toBe(0);
    expect(archived.stdout).toContain("has to be shown once by its server first");
    expect(await readFile(log)).toEqual(raw);
  });

  it("export writes each session in the format that is asked for", async () => {
    const { dir, run, raw } = await freshPlace();
    for (const [format, extension] of [
      ["json", "json"],
      ["ndjson", "ndjson"],
      ["markdown", "md"],
    ] as const) {
      const { code, stdout } = await run("export", "--format", format, "-o", `${dir}/out`);
      expect({ code, lines: stdout.split("\n").length }).toEqual({ code: 0, lines: 3 });
      const text = await readFile(`${dir}/out/p1/s1.${extension}`, "utf8");
      if (format === "ndjson") expect(text).toBe(raw.toString());
      if (format === "json")
        expect(text).toContain(`"aguiEvents":[${raw.toString().trim().split("\n").join(",")}]`);
      if (format === "markdown")
        expect(text).toMatch(
          /^# p1\/s1\n\n## User\n\nhi\n\n## Assistant\n\npart 0 .* part 19 ?\n$/,
        );
    }
  });

  it("exports as Markdown what an agent said in chunks, and a tool's result once", async () => {
    const { dir, run } = await freshPlace();
    const ids = { threadId: "s1", runId: "chunks" };
    const result = { toolCallId: "t", content: "714" };
    const toolCalls = [{ id: "t", type: "function", function: { name: "calc", arguments: "{}" } }];
    const events = [
      { type: "RUN_STARTED", ...ids },
      { type: "TOOL_CALL_CHUNK", toolCallId: "t", toolCallName: "calc", delta: "{}" },
      { type: "TOOL_CALL_RESULT", messageId: "streamed", ...result },
      { type: "TEXT_MESSAGE_CHUNK", messageId: "a", role: "assistant", delta: "It is " },
      { type: "TEXT_MESSAGE_CHUNK", delta: "714" },
      {
        type: "MESSAGES_SNAPSHOT",
        messages: [
          { id: "t", role: "assistant", toolCalls },
          { id: "kept", role: "tool", ...result },
        ],
      },
      { type: "RUN_FINISHED", ...ids },
    ];
    const lines = events.map((event) => `${JSON.stringify(event)}\n`).join("");
    await writeFile(await rawFile(dir, "s1"), lines);
    const { code } = await run("export", "p1/s1", "--format", "markdown", "-o", `${dir}/out`);
    expect(code).toBe(0);
    expect(await readFile(`${dir}/out/p1/s1.md`, "utf8")).toBe(
      "# p1/s1\n\n## Assistant\n\n<details>\n<summary>Tool: <code>calc</code></summary>\n\n```json\n{}\n```\n\n" +
        "**Result**\n\n```\n714\n```\n\n</details>\n\n## Assistant\n\nIt is 714\n",
    );
  });

  it("verify finds a damaged line and a damaged archive, and exits with 4", async () => {
    const { dir, run, raw } = await freshPlace();
    expect((await run("archive")).code).toBe(0);
    const path = await rawFile(dir, "s1");
    await writeFile(path, Buffer.from(raw.toString().replace('{"type', '["type')));
    const local = await run("verify", "--json");
    expect(local.code).toBe(4);
    expect(local.stdout).toMatch(/"session":"s1","result":"failed","code":"archive-damaged"/);
    expect(local.stdout).toMatch(/"session":"s2","result":"ok"/);
    await writeFile(path, raw);
    expect((await run("verify")).code).toBe(0);

    const objects = await readdir(`${dir}/archive`, { recursive: true });
    const packed = `${dir}/archive/${objects.find((name) => /\/s2\/.*\.gz$/.test(name))}`;
    const bytes = await readFile(packed);
    bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1;
    await writeFile(packed, bytes);
    const archived = await run("verify", "p1/s2");
    expect({ code: archived.code, stdout: archived.stdout }).toEqual({
      code: 4,
      stdout: "p1/s2  NOT DONE: An archived log is damaged\n",
    });
    // nothing local goes while the copy is damaged: it is made anew
    expect((await run("archive", "p1/s2", "--delete-local")).code).toBe(0);
    expect((await run("verify")).code).toBe(0);
  });

  it("verify says how far a log is compacted, and which compacted log is of no use", async () => {
    const { dir, env, run } = await freshPlace();
    const path = join(dirname(await rawFile(dir, "s1")), "compact.jsonl");
    const line = async () => (await run("verify", "p1/s1")).stdout;
    const { server } = await serve(env);
    await waitFor(async () => / events, ([^,]+), \1 of it condensed$/m.test(await line()));
    await stop(server);
    const rawPath = await rawFile(dir, "s1");
    const raw = await readFile(rawPath, "utf8");
    await writeFile(rawPath, raw.replace(/"delta":"./, '"delta":"~'));
    expect(await run("verify", "p1/s1")).toMatchObject({
      code: 4,
      stdout: expect.stringContaining("not what condensing the log makes: stop the server"),
    });
    await writeFile(rawPath, raw);
    expect((await run("verify", "p1/s1")).code).toBe(0);
    const bytes = await readFile(path);
    bytes[10] = (bytes[10] ?? 0) ^ 1;
    await writeFile(path, bytes);
    expect(await line()).toMatch(/, its condensed log is not usable and is made again$/m);
    const { code, stdout } = await run("verify", "p1/s1", "--json");
    expect({ code, stdout }).toEqual({
      code: 0,
      stdout: expect.stringContaining('"condensedBytes":null'),
    });
    await truncate(path);
    expect(await line()).toMatch(/, not condensed$/m);
  });

  it("beside a server: looks without the lock, and writes through the server", async () => {
    const dir = await freshDir();
    const env = { STORAGE_URL: `file:${dir}/data`, RUNLOG_ARCHIVE_URL: `file:${dir}/archive` };
    const { server } = await serve(env);
    const raw = await readFile(await rawFile(dir, "s1"));
    const run = (...args: string[]) => runCli({ env, args });
    expect((await run("verify")).code).toBe(0);
    expect(await run("export", "p1/s1", "--format", "ndjson")).toMatchObject({
      code: 0,
      stdout: raw.toString(),
    });
    const locked = await run("archive");
    expect(locked).toMatchObject({ code: 5, stdout: "" });
    expect(locked.stderr).toContain("--server <url>");
    const byServer = ["--server", server.url, "--project", "p1", "--json"];
    const archived = await waitFor(
      async () => {
        const result = await run("archive", "--delete-local", ...byServer);
        return result.code === 0 ? result : null;
      },
      { what: "sessions without a run" },
    );
    expect(archived.stdout.trim().split("\n")).toHaveLength(2);
    await expect(rawFile(dir, "s1")).rejects.toThrow();
    expect((await run("restore", ...byServer)).code).toBe(0);
    expect(await readFile(await rawFile(dir, "s1"))).toEqual(raw);
    const unknown = await run("archive", "p1/never", "--server", server.url);
    expect(unknown).toMatchObject({ code: 1, stdout: "p1/never  NOT DONE: Session not found\n" });
  });

  it("archive finds the sessions of its archive again that were lost with their last stub", async () => {
    const { dir, run } = await freshPlace();
    expect((await run("archive", "--delete-local")).code).toBe(0);
    // as a kill leaves it between the two steps by which a stub takes a session's place
    await rm(`${dir}/data/projects/p1/s1`, { recursive: true });
    const elsewhere = await run("archive", "p1/s1", "--to", `file:${dir}/elsewhere`);
    expect(elsewhere).toMatchObject({ code: 1, stderr: "runlog: There is no session p1/s1\n" });
    const again = await run("archive", "p1/s1", "--delete-local");
    expect(again).toMatchObject({ code: 0, stderr: "" });
    expect((await run("verify", "p1/s1")).stdout).toMatch(/^p1\/s1 {2}ok, archived: \d+ events/);
  });

  it("a server finds the archived sessions of a directory that was lost", async () => {
    const { dir, env, run, raw } = await freshPlace();
    expect((await run("archive")).code).toBe(0);
    const lost = { ...env, STORAGE_URL: `file:${dir}/another` };
    const { server } = await serve({
      ...lost,
      STORAGE_URL: `file:${dir}/third`,
      RUNLOG_ARCHIVE_URL: "",
    });
    await stop(server);
    const runner = await freshRunner();
    const found = await startServer({ env: { ...lost, RUNNER_URL: runner.address } });
    const session = sessionOf(found, runner);
    expect((await session.lines()).join("\n")).toBe(raw.toString().trim());
  });

  it("archives to S3 as the SDK's variables say", async () => {
    const s3 = await startS3Server();
    onTestFinished(() => s3.close());
    const { run, raw } = await freshPlace({
      RUNLOG_ARCHIVE_URL: `s3://runlog/${crypto.randomUUID()}`,
      AWS_ENDPOINT_URL_S3: s3.endpoint,
      AWS_ACCESS_KEY_ID: s3.credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: s3.credentials.secretAccessKey,
    });
    expect(await run("archive", "--delete-local")).toMatchObject({ code: 0, stderr: "" });
    expect((await run("verify")).stdout).toMatch(/^p1\/s2 {2}ok, archived/m);
    const exported = await run("export", "p1/s1", "--format", "ndjson");
    expect(exported).toMatchObject({ code: 0, stdout: raw.toString() });
    expect((await run("restore", "p1/s1")).code).toBe(0);
  });

  it.each([
    [["archive", "--older-than", "soon"], "--older-than is a time such as 30d"],
    [["archive", "Nobody"], 'A session is named <project>/<session>, not "Nobody"'],
    [["archive", "p1/U+PER"], "no name of a project or session"],
    [["archive", "--to", "ftp://x"], "--to is s3://<bucket>/<prefix> or file:<dir>"],
    [["archive", "--server", "nowhere", "--project", "p"], "--server is the http(s) URL"],
    [["archive", "--to", "file:x", "--server", "http://x"], "exclude each other"],
    [["archive", "--to", "file:x", "--delete-local"], "--to names another place"],
    [["archive", "--colour"], "--colour"],
    [["export"], "Name one session"],
    [["export", "p/s", "--format", "pdf"], "--format is json, ndjson or markdown"],
    [["verify", "--to", "x"], "--to"],
    [["archive", "p/s", "--project", "p"], "not both"],
  ])("%j is wrong use, said in a line, and exits with 2", async ([name = "", ...args], text) => {
    const dir = await freshDir();
    await writeFile(`${dir}/runlog.json`, '{"format":1}\n');
    vi.stubEnv("STORAGE_URL", `file:${dir}`);
    vi.stubEnv("RUNLOG_ARCHIVE_URL", `file:${dir}/archive`);
    onTestFinished(() => void vi.unstubAllEnvs());
    const failure: unknown = await COMMANDS[name]?.run(args).catch((error: unknown) => error);
    expect(explain(failure)).toContain(text);
    expect(exitCodeOf(failure)).toBe(2);
    expect(await readdir(dir)).toEqual(["runlog.json"]);
  });

  it("each command's --help tells its use and the exit codes", async () => {
    const { code, stdout, stderr } = await runCli({ args: ["archive", "--help"] });
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toContain(archiveCommand.help);
    for (const exit of [0, 1, 2, 3, 4, 5]) expect(stdout).toContain(`\n  ${exit}  `);
    const general = (await runCli({ args: ["--help"] })).stdout;
    for (const { name, summary } of Object.values(COMMANDS))
      expect(general).toContain(`  ${name.padEnd(8)}  ${summary}\n`);
  });
});
