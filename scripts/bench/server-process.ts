import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { setTimeout as sleep } from "node:timers/promises";
import type { MemoryGroup } from "../load/memory-group.ts";
import { within } from "./deadline.ts";
import { freePort } from "./loopback.ts";

/** Resident memory of a process, in bytes. */
interface Memory {
  /** Now. */
  readonly residentBytes: number;
  /** The most there ever was. */
  readonly peakBytes: number;
}

/** The server under test, in a process of its own. */
export interface ServerProcess {
  readonly port: number;
  memory(): Promise<Memory>;
  /** Processor time that it has taken so far, in ms. Linux only. */
  processorMs(): Promise<number>;
  /** Settles when the process has ended, however that came: with what it printed last. */
  readonly ended: Promise<string>;
  /** Sends a signal. */
  signal(name: NodeJS.Signals): void;
  /** Sends SIGKILL and waits for the end. */
  kill(): Promise<void>;
  /** Sends SIGTERM, and SIGKILL if that does not end it. */
  stop(): Promise<void>;
}

export interface ServerOptions {
  readonly dataDir: string;
  /** Port of a runner on 127.0.0.1, whose paths begin with the session's name. */
  readonly runnerPort?: number;
  /** Default: a free one. */
  readonly port?: number;
  /** How long its start may take, in ms. Default: 15 s. */
  readonly startTimeoutMs?: number;
  /** Further settings. */
  readonly env?: Readonly<Record<string, string>>;
  /** What is run in place of the server of `npm start`, with its flags. */
  readonly script?: URL;
  /** What limits its memory. */
  readonly group?: MemoryGroup | null;
  /** A script that is loaded into the server's process, and who is told of its messages. */
  readonly watch?: { readonly script: URL; readonly onMessage: (message: unknown) => void };
}

/** The server did not start: nothing can be measured. The message holds what it printed. */
export class ServerStartError extends Error {}

const ROOT = new URL("../../", import.meta.url);
const START_TIMEOUT_MS = 15_000;
const STOP_TIMEOUT_MS = 10_000;
const POLL_MS = 50;
const OUTPUT_CHARS = 20_000;
const KIBIBYTE = 1_024;

/** The command of `npm start`, as package.json has it, without the `exec` that makes it the shell's process. */
export async function startCommand(): Promise<string> {
  const { scripts } = JSON.parse(await readFile(new URL("package.json", ROOT), "utf8"));
  return String(scripts.start).replace(/^exec /, "");
}

/** What Node is given by `npm start`: its flags, then the script. */
export async function startArguments(): Promise<string[]> {
  const [command = "", ...args] = (await startCommand()).split(/\s+/);
  if (command !== "node") throw new Error(`the start script begins with ${command}, not with node`);
  return args;
}

/**
 * Starts the server as `npm start` does, with its data in `dataDir`. Resolves when `/health` answers;
 * if it does not in time the error holds what the server printed.
 */
export async function startServer(options: ServerOptions): Promise<ServerProcess> {
  const args = await startArguments();
  if (options.script !== undefined) args.splice(-1, 1, fileURLToPath(options.script));
  const { port = await freePort(), group = null, watch } = options;
  const { startTimeoutMs = START_TIMEOUT_MS } = options;
  if (watch !== undefined) args.unshift("--import", watch.script.href);
  const whole = [process.execPath, ...args];
  const [file = "", ...rest] = group === null ? whole : group.command(whole);
  // settings of the caller's shell must not change what is measured
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith("RUNLOG_"));
  const child = spawn(file, rest, {
    cwd: fileURLToPath(ROOT),
    stdio: ["ignore", "pipe", "pipe", ...(watch === undefined ? [] : ["ipc" as const])],
    env: {
      ...Object.fromEntries(inherited),
      PORT: String(port),
      STORAGE_URL: `file:${options.dataDir}`,
      ...(options.runnerPort === undefined
        ? {}
        : { RUNNER_URL: `http://127.0.0.1:${options.runnerPort}/{session}/` }),
      ...options.env,
    },
  });
  if (watch !== undefined) child.on("message", watch.onMessage);
  const kill = (): void => void child.kill("SIGKILL");
  process.once("exit", kill);
  const exited = once(child, "exit").finally(() => process.off("exit", kill));

  let output = "";
  for (const pipe of [child.stdout, child.stderr])
    pipe?.setEncoding("utf8").on("data", (text: string) => {
      output = (output + text).slice(-OUTPUT_CHARS);
    });

  try {
    await within(healthy(port, child), startTimeoutMs, "healthy server");
  } catch (error) {
    child.kill("SIGKILL");
    await exited;
    throw new ServerStartError(`the server did not start; it printed:\n${output}`, {
      cause: error,
    });
  }
  return {
    port,
    memory: () => readMemory(child.pid),
    processorMs: () => readProcessorMs(child.pid),
    ended: exited.then(() => output),
    signal: (name) => void child.kill(name),
    async kill() {
      child.kill("SIGKILL");
      await exited;
    },
    async stop() {
      child.kill("SIGTERM");
      await within(exited, STOP_TIMEOUT_MS, "exit").catch(() => child.kill("SIGKILL"));
      await exited;
    },
  };
}

async function healthy(port: number, child: ChildProcess): Promise<void> {
  while (child.exitCode === null && child.signalCode === null) {
    try {
      const response = await fetch(`http://127.0.0.1:${port}/health`);
      await response.text();
      if (response.ok) return;
    } catch {
      // it does not listen yet
    }
    await sleep(POLL_MS);
  }
  throw new Error("the process has ended");
}

async function readMemory(pid: number | undefined): Promise<Memory> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  const field = (name: string): number =>
    Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(status)?.[1]) * KIBIBYTE;
  return { residentBytes: field("VmRSS"), peakBytes: field("VmHWM") };
}

/** Of a hundredth of a second. */
const TICK_MS = 10;

async function readProcessorMs(pid: number | undefined): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  // utime and stime, the 14th and 15th of all
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}
