import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "../bench/loopback.ts";

/** Debian's NATS server on loopback, which may be stopped and started again at its port. */
export interface NatsServer {
  readonly port: number;
  /** `nats://127.0.0.1:<port>` */
  readonly url: string;
  start(): Promise<void>;
  /** Ends it at once; its clients lose their connections. */
  stop(): Promise<void>;
  /** Lets it sleep (SIGSTOP): its connections stay open and nobody reads them. */
  freeze(): void;
  /** Wakes it. */
  thaw(): void;
  /** Stops it and removes its files. */
  close(): Promise<void>;
}

const BINARIES = ["/usr/sbin/nats-server", "/usr/bin/nats-server"];
const READY = /Server is ready/;

/** Makes a server that is not started yet. `config` is in the form of its configuration file. */
export async function createNatsServer(config = ""): Promise<NatsServer> {
  const binary = BINARIES.find((path) => existsSync(path));
  if (binary === undefined)
    throw new Error("There is no nats-server: scripts/nats/install.sh installs it");
  const dir = await mkdtemp(join(tmpdir(), "runlog-nats-"));
  const file = join(dir, "nats.conf");
  const port = await freePort();
  await writeFile(file, `host: 127.0.0.1\nport: ${port}\n${config}\n`);
  let child: ChildProcess | null = null;
  const kill = (): void => void child?.kill("SIGKILL");
  process.once("exit", kill);

  async function stop(): Promise<void> {
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, "exit");
    kill();
    await exited;
  }

  return {
    port,
    url: `nats://127.0.0.1:${port}`,
    async start() {
      const started = spawn(binary, ["-c", file], { stdio: ["ignore", "ignore", "pipe"] });
      child = started;
      let printed = "";
      await new Promise<void>((resolve, reject) => {
        started.stderr.setEncoding("utf8").on("data", (text: string) => {
          if (READY.test((printed += text))) resolve();
        });
        started.once("error", reject);
        started.once("exit", () => reject(new Error(`nats-server ended; it printed:\n${printed}`)));
      });
    },
    stop,
    freeze: () => void child?.kill("SIGSTOP"),
    thaw: () => void child?.kill("SIGCONT"),
    async close() {
      await stop();
      process.off("exit", kill);
      await rm(dir, { recursive: true, force: true });
    },
  };
}
