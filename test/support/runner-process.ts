import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";

/** What a runner in a process of its own does. */
export interface RunnerScript {
  /** Where it listens; default a free port. */
  readonly port?: number;
  /** What it answers every run with. */
  readonly events: readonly string[];
  /** Whether it ends its answer after them, or falls silent. */
  readonly ends: boolean;
}

/** A runner that can be killed for real. */
export interface RunnerProcess {
  readonly port: number;
  /** Resolves when it has answered a run for the first time. */
  readonly answered: Promise<void>;
  /** Kills it with SIGKILL; resolves when it has gone. */
  kill(): Promise<void>;
}

const MAIN = fileURLToPath(new URL("runner-process-main.ts", import.meta.url));

/** Starts one; it goes with the test at the latest. */
export async function startRunnerProcess(script: RunnerScript): Promise<RunnerProcess> {
  const settings = JSON.stringify({ port: 0, ...script });
  const args = ["--disable-warning=ExperimentalWarning", MAIN, settings];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  const gone = once(child, "close");
  const kill = async (): Promise<void> => {
    child.kill("SIGKILL");
    await gone;
  };
  onTestFinished(kill);
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  const { value: port } = await lines.next();
  return { port: Number(port), answered: lines.next().then(() => {}), kill };
}
