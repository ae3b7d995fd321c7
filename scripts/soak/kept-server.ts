import { setTimeout as sleep } from "node:timers/promises";
import { within } from "../bench/deadline.ts";
import { type ServerOptions, type ServerProcess, startServer } from "../bench/server-process.ts";
import type { LoopDelay } from "../load/loop-delay.ts";
import type { Outage } from "./outages.ts";

/** A server that is killed now and then and started again, and watched all the time. */
export interface KeptServer {
  /** One look at it, each second of its life. */
  readonly samples: readonly Sample[];
  /** The most resident memory of any of its lives, in bytes. */
  readonly peakBytes: number;
  readonly kills: number;
  /** The times in which it was away, in order. */
  readonly outages: readonly Outage[];
  /** Ends that nobody asked for. */
  readonly violations: readonly string[];
  /** Kills it and starts it again; resolves when it answers. */
  killAndStart(): Promise<void>;
  /** Ends it as a rollout does and starts it again; resolves when it answers. */
  rollOver(): Promise<void>;
  /** Ends it as a rollout does. */
  stop(): Promise<void>;
}

export interface Sample {
  /** Since the beginning. */
  readonly seconds: number;
  readonly residentBytes: number;
  readonly loopP99Ms: number;
}

const LOOP_DELAY = new URL("../load/loop-delay.ts", import.meta.url);
const SAMPLE_MS = 1_000;
const START_AGAIN_MS = 500;
const START_ATTEMPTS = 20;
/** What Kubernetes grants a pod that stops. */
const ROLL_OVER_MS = 65_000;

/** Starts the server; `options.port` is the one that it gets in every life. */
export async function keepServer(options: ServerOptions): Promise<KeptServer> {
  const startedAtMs = performance.now();
  const samples: Sample[] = [];
  const violations: string[] = [];
  let loopP99Ms = 0;
  let peakBytes = 0;
  const outages: Outage[] = [];
  let isMeant = false;
  let server = await startWatched();

  async function startWatched(): Promise<ServerProcess> {
    const started = await startServer({
      ...options,
      watch: {
        script: LOOP_DELAY,
        onMessage(message) {
          const { p99Ms }: Partial<LoopDelay> = Object(message);
          loopP99Ms = p99Ms ?? loopP99Ms;
        },
      },
    });
    void started.ended.then((output) => {
      if (!isMeant) violations.push(`the server ended by itself; it printed:\n${output}`);
    });
    return started;
  }

  /** The port may be somebody's for a moment: as the near end of a connection elsewhere. */
  async function startAgain(attempts: number): Promise<ServerProcess> {
    try {
      return await startWatched();
    } catch (error) {
      if (attempts === 0) throw error;
      await sleep(START_AGAIN_MS);
      return startAgain(attempts - 1);
    }
  }

  async function away(cause: Outage["cause"], end: () => Promise<void>): Promise<void> {
    isMeant = true;
    const fromMs = Date.now();
    await end();
    const goneMs = Date.now();
    server = await startAgain(START_ATTEMPTS);
    outages.push({ port: server.port, cause, fromMs, goneMs, untilMs: Date.now() });
    isMeant = false;
  }

  async function stopSoon(): Promise<void> {
    server.signal("SIGTERM");
    try {
      await within(server.ended, ROLL_OVER_MS, "end");
    } catch {
      violations.push(`the server was still there ${ROLL_OVER_MS} ms after SIGTERM`);
      await server.kill();
    }
  }

  async function sample(): Promise<void> {
    const { residentBytes, peakBytes: peak } = await server.memory();
    if (!Number.isFinite(residentBytes)) return;
    peakBytes = Math.max(peakBytes, peak);
    const seconds = Math.round((performance.now() - startedAtMs) / 1_000);
    samples.push({ seconds, residentBytes, loopP99Ms });
  }

  const sampling = setInterval(() => {
    // between two lives there is nothing to look at
    sample().catch(() => {});
  }, SAMPLE_MS);

  return {
    samples,
    violations,
    get peakBytes() {
      return peakBytes;
    },
    get kills() {
      return outages.filter(({ cause }) => cause === "killed").length;
    },
    outages,
    killAndStart: () => away("killed", () => server.kill()),
    rollOver: () => away("rolled over", stopSoon),
    async stop() {
      clearInterval(sampling);
      await sample().catch(() => {});
      isMeant = true;
      await server.stop();
    },
  };
}
