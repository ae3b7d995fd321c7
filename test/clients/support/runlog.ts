import { startArguments } from "../../../scripts/bench/server-process.ts";
import type { SessionRoutesHarness } from "../../contract/session-routes/harness.ts";
import { freshDir, type ServerProcess, startServer } from "../../support/server-process.ts";

/** runlog as it was built, in a process that dies and comes back where it was. */
export interface Runlog extends Pick<SessionRoutesHarness, "fetch"> {
  /** Where it listens, without a slash at its end; the same after each start. */
  readonly url: string;
  /** The address of one of its sessions. Default project `p1`. */
  sessionUrl(name: string, project?: string): string;
  /** Ends it with SIGKILL, or as an operator does with SIGTERM, and waits until it has gone. */
  end(signal: "SIGKILL" | "SIGTERM"): Promise<void>;
  /** Starts it again with the same data on the same port. */
  startAgain(): Promise<void>;
}

export interface RunlogOptions {
  /** The address of the runner of all sessions. */
  readonly runnerUrl: string;
  /** Further settings. */
  readonly env?: Readonly<Record<string, string>>;
}

/** Starts one with an empty data directory; it goes with the test. */
export async function startRunlog(options: RunlogOptions): Promise<Runlog> {
  const command = [process.execPath, ...(await startArguments())];
  const env = {
    STORAGE_URL: `file:${await freshDir()}`,
    RUNNER_URL: options.runnerUrl,
    ...options.env,
  };
  let server: ServerProcess = await startServer({ command, env });
  const { url } = server;
  return {
    url,
    sessionUrl: (name, project = "p1") => `${url}/api/projects/${project}/agentic-sessions/${name}`,
    fetch: (path, init) => fetch(`${url}${path}`, init),
    async end(signal) {
      server.kill(signal);
      await server.exited;
    },
    async startAgain() {
      server = await startServer({ command, env: { ...env, PORT: new URL(url).port } });
    },
  };
}
