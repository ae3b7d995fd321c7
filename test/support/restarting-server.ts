import { onTestFinished } from "vitest";
import { parseConfig } from "../../src/config.ts";
import { type RunningServer, start } from "../../src/entry/node.ts";
import { freshDir } from "./server-process.ts";

/** The server as it is shipped, in this process, on a disk and a port that it comes back to. */
export interface RestartingServer {
  /** Where it listens, without a slash at its end; the same after each start. */
  readonly url: string;
  readonly port: number;
  /** Stops it as an operator does. */
  stop(): Promise<void>;
  /** Starts it again. */
  startAgain(): Promise<void>;
}

const SILENT = { info() {}, warn() {}, error() {} };

/** Starts one with an empty data directory; it goes with the test. `env` is its settings. */
export async function startRestartingServer(
  env: Readonly<Record<string, string>>,
): Promise<RestartingServer> {
  const settings = { STORAGE_URL: `file:${await freshDir()}`, RUNLOG_DRAIN: "100ms", ...env };
  const startAt = (port: string): Promise<RunningServer> =>
    start(parseConfig({ ...settings, PORT: port }), SILENT);
  let server: RunningServer | null = await startAt("0");
  const { url } = server;
  const { port } = new URL(url);
  const stop = async (): Promise<void> => {
    const running = server;
    server = null;
    await running?.close();
  };
  onTestFinished(stop);
  return {
    url,
    port: Number(port),
    stop,
    async startAgain() {
      server = await startAt(port);
    },
  };
}
