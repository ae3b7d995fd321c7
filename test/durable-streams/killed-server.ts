import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const CLI = fileURLToPath(new URL("../../dist/src/entry/cli.js", import.meta.url));

/** Most kills in a row that come before the server has answered. */
const MAX_STARTS = 3;

interface KilledServer {
  readonly url: string;
  /** How often it has been killed. */
  readonly kills: number;
  /** How often of these it had answered before. */
  readonly upKills: number;
  /**
   * Kills the server with SIGKILL at every full second for so many seconds, also while it starts, and starts it again at once. On
   * a machine so busy that `MAX_STARTS` of them come before it has answered it is given the seconds that it takes.
   */
  killEverySecond(seconds: number): Promise<void>;
  stop(): Promise<void>;
}

/** A server on a disk of its own, always at the same address. */
export async function startKilledServer(): Promise<KilledServer> {
  const dir = await mkdtemp(join(tmpdir(), "runlog-killed-"));
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const env = { PATH: process.env["PATH"] ?? "", PORT: String(port), STORAGE_URL: `file:${dir}` };
  let child: ChildProcess = start(env);
  let kills = 0;
  let upKills = 0;
  let isReady = true;
  await ready(url);
  return {
    url,
    get kills() {
      return kills;
    },
    get upKills() {
      return upKills;
    },
    async killEverySecond(seconds) {
      const from = performance.now();
      let starts = 0;
      for (let second = 1; second <= seconds; second++) {
        const untilMs = from + second * 1_000 - performance.now();
        await new Promise((resolve) => setTimeout(resolve, untilMs));
        if (!isReady && starts >= MAX_STARTS) continue;
        starts = isReady ? 0 : starts + 1;
        child.kill("SIGKILL");
        await once(child, "exit");
        kills++;
        child = start(env);
        if (isReady) upKills++;
        isReady = false;
        const started = child;
        void ready(url).then(() => {
          isReady ||= started === child;
        });
      }
      await ready(url);
    },
    async stop() {
      child.kill("SIGKILL");
      await once(child, "exit");
      await rm(dir, { recursive: true });
    },
  };
}

function start(env: Readonly<Record<string, string>>): ChildProcess {
  return spawn(process.execPath, ["--disable-warning=ExperimentalWarning", CLI], {
    env,
    stdio: "ignore",
  });
}

async function ready(url: string): Promise<void> {
  while (
    !(await fetch(`${url}/ready`).then(
      ({ ok }) => ok,
      () => false,
    ))
  )
    await new Promise((resolve) => setTimeout(resolve, 20));
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}
