import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";
import { startArguments } from "../../scripts/bench/server-process.ts";
import { SessionClient, type SessionRoutesHarness } from "../contract/session-routes/harness.ts";
import { type FakeRunner, startFakeRunner } from "./fake-runner.ts";
import { createTempDir } from "./temp-dir.ts";
import { waitFor } from "./wait-for.ts";

/** How a process ended: one of the two is set. */
export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** The command line of runlog in a process of its own. */
export interface CliProcess {
  readonly pid: number;
  /** All that it has printed so far. */
  stdout(): string;
  stderr(): string;
  /** Resolves when the process has gone and all that it printed is here. */
  readonly exited: Promise<Exit>;
  /** Sends a signal, SIGKILL by default. Does nothing if the process has gone. */
  kill(signal?: NodeJS.Signals): void;
  /** Resident memory in bytes. Linux only, as `peakRss`. */
  rss(): Promise<number>;
  /** The most resident memory that there ever was, in bytes. */
  peakRss(): Promise<number>;
}

/** A server that listens. */
export interface ServerProcess extends CliProcess {
  /** Where it listens, without a slash at its end. */
  readonly url: string;
  /** Sends a request; `path` begins with a slash. */
  fetch(path: string, init?: RequestInit): Promise<Response>;
}

export interface ProcessOptions {
  /** The whole environment, but for `PATH`. `PORT` is 0 and `RUNLOG_DRAIN` short unless given. */
  readonly env?: Readonly<Record<string, string>>;
  /** Default: the repository. */
  readonly cwd?: string;
  readonly args?: readonly string[];
  /** What is run instead of the command line from its source. */
  readonly command?: readonly string[];
  /** Shell text that runs first in the same process, such as a `ulimit`. */
  readonly before?: string;
}

/** The process ended, or stayed silent, before it listened. The message holds what it printed. */
export class ServerStartError extends Error {
  constructor(cli: CliProcess, options?: ErrorOptions) {
    super(`The server did not start; it printed:\n${cli.stdout()}${cli.stderr()}`, options);
    this.name = "ServerStartError";
  }
}

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const CLI = fileURLToPath(new URL("../../src/entry/cli.ts", import.meta.url));
const LISTENS = / listens on (https?:\/\/\S+)\n/;
const KIBIBYTE = 1_024;
/** Keeps what Node makes of the sources for the next process: half of what a start costs. */
const COMPILED = fileURLToPath(new URL("../../node_modules/.cache/runlog-tests", import.meta.url));

/** The flags with which `npm start` runs Node: without them the heap is another one. */
const NODE_FLAGS = (await startArguments()).slice(0, -1);

/**
 * Starts the command line as `npm start` does, but from its TypeScript source, so that nothing has to
 * be built. It ends with the test that started it at the latest.
 */
export function startCli(options: ProcessOptions = {}): CliProcess {
  const { env = {}, cwd = ROOT, args = [], before } = options;
  const command = [...(options.command ?? [process.execPath, ...NODE_FLAGS, CLI]), ...args];
  // the shell becomes the command: the process that is known here is the server itself
  const [file = "", ...rest] =
    before === undefined ? command : ["sh", "-c", `${before}; exec "$@"`, "sh", ...command];
  let end = async (): Promise<void> => {};
  // first, because it throws when the test is over: then nothing may be started any more
  onTestFinished(() => end());
  const child = spawn(file, rest, {
    cwd,
    stdio: ["ignore", "pipe", "pipe"],
    // settings of the caller's shell must not change what is tested
    env: {
      PATH: process.env["PATH"],
      NODE_COMPILE_CACHE: COMPILED,
      PORT: "0",
      RUNLOG_DRAIN: "100ms",
      ...env,
    },
  });
  const printed = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const)
    child[name].setEncoding("utf8").on("data", (text: string) => {
      printed[name] += text;
    });
  const kill = (signal: NodeJS.Signals = "SIGKILL"): void => void child.kill(signal);
  const killNow = (): void => kill();
  process.once("exit", killNow);
  const exited = once(child, "close").then(([code, signal]): Exit => {
    process.off("exit", killNow);
    return { code, signal };
  });
  end = async () => {
    kill();
    await exited;
  };
  const memory = async (field: string): Promise<number> => {
    const status = await readFile(`/proc/${child.pid}/status`, "utf8");
    return Number(new RegExp(`^${field}:\\s+(\\d+) kB`, "m").exec(status)?.[1]) * KIBIBYTE;
  };
  return {
    pid: child.pid ?? 0,
    stdout: () => printed.stdout,
    stderr: () => printed.stderr,
    exited,
    kill,
    rss: () => memory("VmRSS"),
    peakRss: () => memory("VmHWM"),
  };
}

/** Starts a server and waits until it listens. Throws ServerStartError if it does not. */
export async function startServer(options: ProcessOptions = {}): Promise<ServerProcess> {
  const cli = startCli(options);
  let gone = false;
  void cli.exited.finally(() => {
    gone = true;
  });
  try {
    await waitFor(() => gone || LISTENS.test(cli.stdout()), {
      what: "a server that listens",
    });
  } catch (cause) {
    throw new ServerStartError(cli, { cause });
  }
  const url = LISTENS.exec(cli.stdout())?.[1];
  if (url === undefined) throw new ServerStartError(cli);
  const request = (path: string, init?: RequestInit): Promise<Response> =>
    fetch(`${url}${path}`, init);
  return { ...cli, url, fetch: request };
}

/** What the suites of routes take; `runner` is the one that the server calls. */
export function harnessOf(server: ServerProcess, runner: FakeRunner): SessionRoutesHarness {
  return { fetch: (path, init) => server.fetch(path, init), runner, dispose: async () => {} };
}

/** One session of a server, seen from outside. */
export function sessionOf(server: ServerProcess, runner: FakeRunner, name = "s1"): SessionClient {
  return new SessionClient(harnessOf(server, runner), name);
}

/**
 * Posts a run and expects it to be accepted. The run before it may be over for its viewers a moment
 * before it is so for the server.
 */
export async function runWhenFree(session: SessionClient, body: string): Promise<void> {
  const response = await waitFor(
    async () => {
      const answer = await session.post("/agui/run", body);
      if (answer.status !== 409) return answer;
      await answer.body?.cancel();
      return null;
    },
    { what: "a session without an active run" },
  );
  const text = await response.text();
  if (response.status !== 200) throw new Error(`The run was refused: ${text}`);
}

/** Runs the command line to its end. */
export async function runCli(
  options: ProcessOptions = {},
): Promise<Exit & { readonly stdout: string; readonly stderr: string }> {
  const cli = startCli(options);
  const exit = await cli.exited;
  return { ...exit, stdout: cli.stdout(), stderr: cli.stderr() };
}

/** An empty directory that goes with the test. */
export async function freshDir(): Promise<string> {
  const dir = await createTempDir();
  onTestFinished(() => dir.remove());
  return dir.path;
}

/** A runner that goes with the test. */
export async function freshRunner(): Promise<FakeRunner> {
  const runner = await startFakeRunner();
  onTestFinished(() => runner.close());
  return runner;
}
