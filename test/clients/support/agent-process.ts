import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";

const LISTENS = /^port (\d+)$/;

/**
 * Starts `runners/<name>.ts` in a process of its own, which goes with the test. Resolves with its
 * address; `env` is what it has beside
 * `PATH`. Rejects with what it printed if it ends before it listens.
 */
export async function startAgent(
  name: string,
  env: Readonly<Record<string, string>> = {},
): Promise<string> {
  return (await startAgentProcess(name, env)).address;
}

/** An agent that can be ended before its test. */
interface AgentProcess {
  readonly address: string;
  /** Kills it, and waits until it has gone. */
  kill(): Promise<void>;
}

/** As `startAgent`. */
export async function startAgentProcess(
  name: string,
  env: Readonly<Record<string, string>> = {},
): Promise<AgentProcess> {
  const main = fileURLToPath(new URL(`../runners/${name}.ts`, import.meta.url));
  const child = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", main], {
    stdio: ["ignore", "pipe", "pipe"],
    // none of them is to tell anybody that it runs
    env: {
      PATH: process.env["PATH"],
      DO_NOT_TRACK: "1",
      COPILOTKIT_TELEMETRY_DISABLED: "true",
      MASTRA_TELEMETRY_DISABLED: "1",
      LANGSMITH_TRACING: "false",
      ...env,
    },
  });
  const gone = once(child, "close");
  const kill = async (): Promise<void> => {
    child.kill("SIGKILL");
    await gone;
  };
  onTestFinished(kill);
  let printed = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    printed += text;
  });
  // what it prints later has to be read as well
  const lines = createInterface(child.stdout);
  return new Promise((resolve, reject) => {
    lines.on("line", (line) => {
      printed += `${line}\n`;
      const port = LISTENS.exec(line)?.[1];
      if (port !== undefined) resolve({ address: `http://127.0.0.1:${port}/`, kill });
    });
    void gone.then(() => reject(new Error(`The agent ${name} ended; it printed:\n${printed}`)));
  });
}
