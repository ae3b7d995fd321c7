import { createServer } from "node:http";
import { join } from "node:path";
import { chmod, readFile, writeFile } from "node:fs/promises";
import { describe, expect, it, onTestFinished } from "vitest";
import { freePort, listenOnLoopback } from "../../scripts/bench/loopback.ts";
import { tokenDigest } from "../../src/core/model/token-list.ts";
import { openersOf } from "../../src/entry/commands/look/open.ts";
import { tell } from "../contract/session-routes/harness.ts";
import {
  type CliProcess,
  freshDir,
  freshRunner,
  runCli,
  type ServerProcess,
  startCli,
  startServer,
} from "../support/server-process.ts";
import { waitFor } from "../support/wait-for.ts";

/** Sets the title of a terminal, moves its cursor, and turns the direction of what follows. */
const HOSTILE = "\u001b]0;owned\u0007\u001b[2J\u202eevil";
/** What makes text bold on a terminal, and ends that. */
const STYLE = new RegExp(String.raw`\u001b\[\d{1,2}m`, "g");
const HELLO = [
  '{"type":"TEXT_MESSAGE_START","messageId":"a1","role":"assistant"}',
  '{"type":"TEXT_MESSAGE_CONTENT","messageId":"a1","delta":"Hello, "}',
  '{"type":"TEXT_MESSAGE_CONTENT","messageId":"a1","delta":"world"}',
  '{"type":"TEXT_MESSAGE_END","messageId":"a1"}',
];

interface Place {
  readonly server: ServerProcess;
  readonly runner: Awaited<ReturnType<typeof freshRunner>>;
  readonly env: Record<string, string>;
  /** Runs a command against the server. */
  readonly run: (...args: string[]) => ReturnType<typeof runCli>;
  readonly start: (...args: string[]) => CliProcess;
  /** Runs a command on a terminal, and gives what it was given. */
  readonly onTerminal: (...args: string[]) => Promise<string>;
}

async function freshPlace(more: Record<string, string> = {}): Promise<Place> {
  const runner = await freshRunner();
  const server = await startServer({
    cwd: await freshDir(),
    env: { RUNNER_URL: runner.address, STORAGE_URL: "memory:", ...more },
  });
  const cwd = await freshDir();
  const env = { RUNLOG_SERVER: server.url };
  return {
    server,
    runner,
    env,
    run: (...args) => runCli({ args, env, cwd }),
    start: (...args) => startCli({ args, env, cwd }),
    async onTerminal(...args) {
      const cli = ["node", "--disable-warning=ExperimentalWarning", CLI, ...args];
      const line = `stty cols 90; ${cli.map((arg) => `'${arg}'`).join(" ")}`;
      const command = ["script", "-qec", line, "/dev/null"];
      const { code, stdout } = await runCli({ command, env, cwd });
      expect(code).toBe(0);
      return stdout.replaceAll("\r\n", "\n");
    },
  };
}

const CLI = new URL("../../src/entry/cli.ts", import.meta.url).pathname;

function idsIn(body: Uint8Array): Readonly<Record<"runId" | "threadId", string>> {
  const { runId, threadId } = JSON.parse(new TextDecoder().decode(body)) as Record<string, string>;
  return { runId: runId ?? "", threadId: threadId ?? "" };
}

/** The runner answers the next run of any id with these events. */
function answerWith({ runner }: Pick<Place, "runner">, lines: readonly string[]): void {
  runner.script(async (exchange) => {
    const ids = idsIn(exchange.request.body);
    await tell(exchange, [
      JSON.stringify({ type: "RUN_STARTED", ...ids }),
      ...lines,
      JSON.stringify({ type: "RUN_FINISHED", ...ids }),
    ]);
  });
}

describe("runlog send", () => {
  it("prints what the agent says, and nothing else on the output", async () => {
    const place = await freshPlace();
    answerWith(place, [
      ...HELLO,
      '{"type":"TOOL_CALL_START","toolCallId":"t1","toolCallName":"grep"}',
      '{"type":"TOOL_CALL_END","toolCallId":"t1"}',
    ]);
    expect(await place.run("send", "demo/hello", "Say", "hello")).toEqual({
      code: 0,
      signal: null,
      stdout: "Hello, world\n",
      stderr: "runlog: the agent calls grep\n",
    });
    const { stdout } = await place.run("show", "demo/hello");
    expect(stdout).toContain("## User\n\nSay hello\n");
    expect(stdout).toContain("## Assistant\n\nHello, world\n");
  });

  it("prints the run's events as JSON lines, of this run alone", async () => {
    const place = await freshPlace();
    for (const text of ["one", "two"]) {
      answerWith(place, HELLO);
      const { code, stdout } = await place.run("send", "demo/hello", text, "--json");
      expect(code).toBe(0);
      const types = stdout
        .trimEnd()
        .split("\n")
        .map((line) => (JSON.parse(line) as { type: string }).type);
      expect([types[0], types.at(-1)]).toEqual(["RUN_STARTED", "RUN_FINISHED"]);
      expect(types.filter((type) => type === "RUN_STARTED")).toHaveLength(1);
    }
  });

  it("exits 1 for a run that fails, and prints why", async () => {
    const place = await freshPlace();
    answerWith(place, ['{"type":"RUN_ERROR","message":"no luck"}']);
    expect(await place.run("send", "demo/hello", "Hi")).toMatchObject({
      code: 1,
      stdout: "",
      stderr: "runlog: The run failed: no luck\n",
    });
  });

  it("cancels the run at Ctrl-C, and exits 130", async () => {
    const place = await freshPlace();
    place.runner.script(async (exchange) => {
      const { runId, threadId } = idsIn(exchange.request.body);
      await exchange.answer(200, { "Content-Type": "text/event-stream" });
      await exchange.write(`data: ${JSON.stringify({ type: "RUN_STARTED", runId, threadId })}\n\n`);
      for (const line of HELLO.slice(0, 2)) await exchange.write(`data: ${line}\n\n`);
    });
    const cli = place.start("send", "demo/hello", "Hi");
    await waitFor(() => cli.stdout() === "Hello, ", { what: "the first words" });
    cli.kill("SIGINT");
    expect(await cli.exited).toEqual({ code: 130, signal: null });
    expect(cli.stderr()).toContain("cancelling the run; again to leave it to itself");
    const { stdout } = await place.run("runs", "demo/hello", "--json");
    expect(JSON.parse(stdout)).toMatchObject({ status: expect.stringMatching(/cancelled|error/) });
  });
});

describe("commands that look at a server", () => {
  it("print lines with tabs in a pipe, and objects with --json", async () => {
    const place = await freshPlace();
    answerWith(place, HELLO);
    await place.run("send", "demo/hello", "Hi");
    const listed = await place.run("ls", "demo");
    expect(listed).toMatchObject({ code: 0, stderr: "" });
    expect(listed.stdout).toMatch(/^hello\tidle\t-\t\d{4}-[^\t]+Z\t\n$/);
    const runs = await place.run("runs", "demo/hello");
    expect(runs.stdout).toMatch(/^[0-9a-f-]{36}\tfinished\t/);
    const tail = await place.run("tail", "demo/hello", "-n", "1");
    const [cursor = "", type, json = ""] = tail.stdout.trimEnd().split("\t");
    expect(type).toBe("RUN_FINISHED");
    expect(JSON.parse(json)).toMatchObject({ type: "RUN_FINISHED", threadId: "hello" });
    const asJson = await place.run("tail", "demo/hello", "--json", "-n", "1");
    expect(JSON.parse(asJson.stdout)).toEqual({ cursor, event: JSON.parse(json) });
    const after = await place.run("tail", "demo/hello", "--after", cursor);
    expect(after).toMatchObject({ code: 0, stdout: "" });
    const state = await place.run("show", "demo/hello", "--state", "--at", cursor);
    expect(state).toMatchObject({ code: 0, stdout: "{}\n" });
    const then = await place.run("show", "demo/hello", "--at", cursor);
    expect(then.stdout).toContain("## Assistant\n\nHello, world\n");
    const forked = await place.run("fork", "demo/hello", "--title", "Another way");
    expect(forked.stdout).toMatch(/^demo\/session-\S+\n$/);
    const both = await place.run("ls", "demo", "--json");
    expect(both.stdout.trimEnd().split("\n")).toHaveLength(2);
    expect(both.stdout).toContain("Another way");
  });

  it("print tables on a terminal, on which nothing acts that a session has in it", async () => {
    const place = await freshPlace();
    answerWith(place, [
      HELLO[0] ?? "",
      JSON.stringify({ type: "TEXT_MESSAGE_CONTENT", messageId: "a1", delta: `${HOSTILE}\n` }),
      HELLO[3] ?? "",
      JSON.stringify({ type: "CUSTOM", name: HOSTILE, value: HOSTILE }),
    ]);
    const said = await place.onTerminal("send", "demo/hello", HOSTILE);
    expect(said).toContain(String.raw`\x1b]0;owned\x07\x1b[2J\u202eevil`);
    await place.run("fork", "demo/hello", "--title", HOSTILE);
    const printed = [
      said,
      await place.onTerminal("ls", "demo"),
      await place.onTerminal("tail", "demo/hello"),
      await place.onTerminal("show", "demo/hello"),
      await place.onTerminal("runs", "demo/hello"),
    ].join("");
    expect(printed).toMatch(/SESSION +STATUS +AGENT +CREATED +TITLE/);
    expect(printed).toContain("hello");
    // styles are the command's own
    expect(printed.replaceAll(STYLE, "").replaceAll("\n", "")).not.toMatch(/[\p{Cc}\u202e]/u);
    for (const line of printed.split("\n").filter((text) => /SESSION|RUN_|CUSTOM/.test(text)))
      expect(line.length).toBeLessThan(100);
  });

  it("follow a session over a restart of its server, each event once", async () => {
    const dir = await freshDir();
    const port = String(await freePort());
    const runner = await freshRunner();
    const env = { RUNNER_URL: runner.address, STORAGE_URL: `file:${dir}`, PORT: port };
    const first = await startServer({ env });
    answerWith({ runner }, HELLO);
    const cli = { RUNLOG_SERVER: first.url };
    await runCli({ args: ["send", "demo/hello", "one"], env: cli });
    const tail = startCli({ args: ["tail", "-f", "--json", "-n", "1", "demo/hello"], env: cli });
    await waitFor(() => tail.stdout().includes("RUN_FINISHED"), { what: "the last event" });
    first.kill();
    await first.exited;
    await waitFor(() => tail.stderr().includes("it is tried on"), { what: "a word of it" });
    const second = await startServer({ env });
    answerWith({ runner }, HELLO);
    await runCli({ args: ["send", "demo/hello", "two"], env: cli });
    const events = (): readonly { cursor: string; event: { type: string } }[] =>
      tail
        .stdout()
        .split("\n")
        .slice(0, -1)
        .map((line) => JSON.parse(line) as never);
    await waitFor(
      () => events().filter(({ event }) => event.type === "RUN_FINISHED").length === 2,
      {
        what: "the second run",
      },
    );
    expect(tail.stderr()).toContain("answers again");
    const cursors = events().map(({ cursor }) => cursor);
    expect(new Set(cursors).size).toBe(cursors.length);
    await second.fetch("/api/projects/demo/agentic-sessions/hello", { method: "DELETE" });
    expect(await tail.exited).toEqual({ code: 0, signal: null });
    expect(tail.stderr()).toContain("the session was deleted");
  });

  it("end silently when their reader has gone", async () => {
    const place = await freshPlace();
    answerWith(place, HELLO);
    await place.run("send", "demo/hello", "Hi");
    const before = "mkfifo p; true < p & exec > p; wait $!";
    for (const args of [
      ["ls", "demo"],
      ["tail", "demo/hello"],
      ["show", "demo/hello"],
    ])
      expect(await runCli({ args, env: place.env, before, cwd: await freshDir() })).toEqual({
        code: 141,
        signal: null,
        stdout: "",
        stderr: "",
      });
  });
});

describe("what is wrong is said with where and what to do", () => {
  it("of a session that is not there, with the one that was meant", async () => {
    const place = await freshPlace();
    const { url } = place.server;
    const nothing = await place.run("tail", "demo/hello");
    expect(nothing).toMatchObject({ code: 1, stdout: "" });
    expect(nothing.stderr).toBe(
      `runlog: There is no session demo/hello at ${url}. Project demo has no sessions\n`,
    );
    answerWith(place, HELLO);
    await place.run("send", "demo/hello", "Hi");
    for (const command of ["tail", "runs", "show", "fork"]) {
      const { code, stderr } = await place.run(command, "demo/helo");
      expect({ code, stderr }).toEqual({
        code: 1,
        stderr: `runlog: There is no session demo/helo at ${url}. Did you mean demo/hello?\n`,
      });
    }
    expect((await place.run("runs", "demo/another")).stderr).toContain(
      "There are demo/hello: runlog ls demo",
    );
  });

  it("of a server that is away, and of one that is no runlog server", async () => {
    const away = `http://127.0.0.1:${await freePort()}`;
    const page = createServer((_request, response) => response.writeHead(404).end("<html>"));
    onTestFinished(() => void page.close());
    const other = `http://127.0.0.1:${await listenOnLoopback(page)}`;
    for (const args of [
      ["ls", "demo"],
      ["tail", "demo/hello"],
      ["send", "demo/hello", "Hi"],
    ]) {
      const gone = await runCli({ args: [...args, "--server", away] });
      expect(gone).toMatchObject({ code: 1, stdout: "" });
      expect(gone.stderr).toMatch(
        /^runlog: The server at http:\/\/127\S+ cannot be reached \(connect ECONNREFUSED \S+\): is it running\? "runlog serve" starts one, --server or RUNLOG_SERVER names another\n$/,
      );
    }
    const strange = await runCli({ args: ["ls", "demo"], env: { RUNLOG_SERVER: other } });
    expect(strange.stderr).toContain(`What answers at ${other} is no runlog server (HTTP 404)`);
  });

  it("of a token that is missing, unknown, or not enough; and it is never an argument", async () => {
    const token = "rl_a-token-that-may-read";
    const list = join(await freshDir(), "tokens");
    await writeFile(list, `bob ${await tokenDigest(token)} read demo\n`);
    const place = await freshPlace({ RUNLOG_AUTH: "token", RUNLOG_TOKENS_FILE: list });
    const as = (given: string, ...args: string[]): ReturnType<typeof runCli> =>
      runCli({ args, env: { ...place.env, RUNLOG_TOKEN: given } });
    expect((await place.run("ls", "demo")).stderr).toContain("asks for a token; set RUNLOG_TOKEN");
    expect((await as("wrong", "ls", "demo")).stderr).toContain(
      "does not take the token in RUNLOG_TOKEN",
    );
    expect(await as(token, "ls", "demo")).toMatchObject({ code: 0 });
    expect((await as(token, "ls", "other")).stderr).toMatch(/may not do this in other at/);
    expect(await as(token, "ls", "demo", `--token=${token}`)).toMatchObject({ code: 2 });
    const broken = await as("rl_half\nof-it", "ls", "demo");
    expect(broken).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("RUNLOG_TOKEN is no"),
    });
    expect(broken.stderr).not.toMatch(/rl_half|of-it/);
    expect(await as(`${token}\n`, "ls", "demo")).toMatchObject({ code: 0 });
    const user = await runCli({ args: ["ls", "demo", "--server", "http://u:p@127.0.0.1:1"] });
    expect(user.stderr).toContain("a token is given by RUNLOG_TOKEN");
    expect(user.stderr).not.toContain("u:p");
  });

  it.each([
    [["\x1b[31mtial"], 'There is no command "\\x1b[31mtial"'],
    [["tial", "demo/hello"], 'There is no command "tial". Did you mean "tail"?'],
    [["ls", "demo", "--jsno"], 'There is no option --jsno. Did you mean "--json"?'],
    [["--prot", "1"], 'There is no option --prot. Did you mean "--port"?'],
    [["verify", "--projetc", "x"], 'There is no option --projetc. Did you mean "--project"?'],
    [["ls"], "runlog ls demo"],
    [["tail"], "runlog tail <project>/<session>"],
    [["tail", "hello"], 'A session is named <project>/<session>, not "hello"'],
    [["tail", "demo/hello", "-n", "0"], '--lines is a number from 1 to 10000, not "0"'],
    [["ls", "demo", "--server", "demo"], '--server is the http(s) URL of a server, not "demo"'],
  ])("of %j", async (args, text) => {
    const { code, stdout, stderr } = await runCli({ args });
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toContain(text);
  });

  it.each(["ls", "show", "tail", "send", "runs", "fork", "open"])(
    "%s --help has examples",
    async (command) => {
      const { code, stdout } = await runCli({ args: [command, "--help"] });
      expect(code).toBe(0);
      expect(stdout).toMatch(new RegExp(`Examples:\n  .*runlog ${command}`));
      for (const line of stdout.split("\n")) expect(line.length).toBeLessThanOrEqual(104);
    },
  );
});

describe("runlog serve", () => {
  it("takes options above variables, and prints what to open and a request that works", async () => {
    const env = { PORT: "99999", STATE_BASE_DIR: "/nowhere", RUNLOG_LOG_LEVEL: "loud" };
    const args = ["--port", "0", "--storage", "memory:", "--log-level=warn"];
    const server = await startServer({ env, args });
    expect(server.stdout()).toContain(`  storage: memory only\n`);
    expect(server.stdout()).toContain(`  open:  ${server.url}/\n`);
    const [, curl = ""] = /try: +(curl .*)\n/.exec(server.stdout()) ?? [];
    const pasted = startCli({ command: ["sh", "-c", curl] });
    await waitFor(() => pasted.stdout().includes("TEXT_MESSAGE_CONTENT"), { what: "an answer" });
    pasted.kill();
  });

  it("names an option where it is wrong", async () => {
    const { code, stderr } = await runCli({ args: ["--port", "http", "--host", "0.0.0.0"] });
    expect(code).toBe(2);
    expect(stderr).toContain('- --port must be a port number, not "http"');
    expect(stderr).toContain("- --host=0.0.0.0 is not loopback");
  });
});

describe("runlog open", () => {
  it("has BROWSER open the address, and prints it", async () => {
    const cwd = await freshDir();
    const browser = join(cwd, "browser");
    await writeFile(browser, '#!/bin/sh\nprintf %s "$1" > opened\n');
    await chmod(browser, 0o755);
    const env = { BROWSER: browser, RUNLOG_SERVER: "http://127.0.0.1:1234/" };
    expect(await runCli({ args: ["open", "demo/hello"], env, cwd })).toEqual({
      code: 0,
      signal: null,
      stdout: "http://127.0.0.1:1234/#/demo/hello\n",
      stderr: "",
    });
    const opened = (): Promise<string | null> =>
      readFile(join(cwd, "opened"), "utf8").then(
        (text) => text || null,
        () => null,
      );
    expect(await waitFor(opened, { what: "the browser" })).toBe(
      "http://127.0.0.1:1234/#/demo/hello",
    );
  });

  it("prints the address where there is no browser", async () => {
    const env = { PATH: await freshDir() };
    const exit = await runCli({ args: ["open"], env });
    expect(exit).toMatchObject({ code: 0, stdout: "http://127.0.0.1:8080/\n" });
    expect(exit.stderr).toContain("There is no browser to be opened here");
  });

  it("knows the programs of each system, those of BROWSER first", () => {
    const page = "http://x/#/a/b";
    expect(openersOf(page, "linux", { BROWSER: "w3m -N:firefox --url=%s" })).toEqual([
      ["w3m", "-N", page],
      ["firefox", `--url=${page}`],
      ["xdg-open", page],
    ]);
    expect(openersOf(page, "darwin", {})).toEqual([["open", page]]);
    expect(openersOf(page, "win32", {})).toEqual([
      ["rundll32", "url.dll,FileProtocolHandler", page],
    ]);
  });
});
