import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { within } from "./deadline.ts";
import { freePort } from "./loopback.ts";
import { startArguments } from "./server-process.ts";

/** A relay in a process of its own. */
export interface RelayProcess {
  readonly port: number;
  /** Own memory now, in bytes: without the pages of files, which the system shares and takes back. */
  ownBytes(): Promise<number>;
  /** The most resident memory that there ever was, in bytes, those pages included. */
  peakBytes(): Promise<number>;
  stop(): Promise<void>;
}

const START_TIMEOUT_MS = 15_000;
const KIBIBYTE = 1_024;

/** Starts a relay with its spool in `dir`, by the flags of `npm start`. Resolves when it listens. */
export async function startRelay(agentPort: number, dir: string): Promise<RelayProcess> {
  const port = await freePort();
  const agent = `http://127.0.0.1:${agentPort}/`;
  const args = ["relay", "--agent", agent, "--port", String(port), "--dir", dir];
  const child = spawn(process.execPath, [...(await startArguments()), ...args], {
    cwd: fileURLToPath(new URL("../../", import.meta.url)),
    stdio: ["ignore", "pipe", "inherit"],
  });
  const kill = (): void => void child.kill("SIGKILL");
  process.once("exit", kill);
  const exited = once(child, "exit").finally(() => process.off("exit", kill));
  await within(once(child.stdout, "data"), START_TIMEOUT_MS, "relay that listens");
  const memory = async (field: string): Promise<number> => {
    const status = await readFile(`/proc/${child.pid}/status`, "utf8");
    return Number(new RegExp(`^${field}:\\s+(\\d+) kB`, "m").exec(status)?.[1]) * KIBIBYTE;
  };
  return {
    port,
    ownBytes: () => memory("RssAnon"),
    peakBytes: () => memory("VmHWM"),
    async stop() {
      kill();
      await exited;
    },
  };
}
