import { setTimeout as sleep } from "node:timers/promises";
import { freePort } from "../bench/loopback.ts";
import { type ServerOptions, type ServerProcess, startServer } from "../bench/server-process.ts";

/** A server that is stopped in every way and started again, always at its own port. */
export interface Replica {
  readonly name: string;
  readonly origin: string;
  /** Ends that nobody asked for, with what it printed. */
  readonly violations: readonly string[];
  /** Kills it; `start` starts it again. */
  kill(): Promise<void>;
  /** Ends it as a rollout does. */
  stop(): Promise<void>;
  start(): Promise<void>;
  /** Lets it sleep for `ms`. */
  pause(ms: number): Promise<void>;
}

const START_AGAIN_MS = 500;
const START_ATTEMPTS = 40;

export async function startReplica(
  name: string,
  options: Omit<ServerOptions, "port">,
): Promise<Replica> {
  const port = await freePort();
  const violations: string[] = [];
  let isMeant = false;
  let server: ServerProcess | null = null;

  async function start(): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        server = await startServer({ ...options, port });
        break;
      } catch (error) {
        // another one may have its port, or its store may not answer, for a moment
        if (attempt === START_ATTEMPTS) throw error;
        await sleep(START_AGAIN_MS);
      }
    }
    isMeant = false;
    void server.ended.then((output) => {
      if (!isMeant) violations.push(`replica ${name} ended by itself; it printed:\n${output}`);
    });
  }

  await start();
  return {
    name,
    origin: `http://127.0.0.1:${port}`,
    violations,
    start,
    async kill() {
      isMeant = true;
      await server?.kill();
    },
    async stop() {
      isMeant = true;
      await server?.stop();
    },
    async pause(ms) {
      server?.signal("SIGSTOP");
      await sleep(ms);
      server?.signal("SIGCONT");
    },
  };
}
