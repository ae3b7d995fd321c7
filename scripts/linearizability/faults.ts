import { setTimeout as sleep } from "node:timers/promises";
import type { Random } from "../bench/random.ts";
import type { Cluster } from "./stores.ts";

/** What is done to replicas, by the names of `--faults`. */
export type FaultKind = "kill" | "stop" | "pause" | "cut";

export const FAULT_KINDS: readonly FaultKind[] = ["kill", "stop", "pause", "cut"];

/** What was done to whom, and when, by the clock of the history. */
export interface DoneFault {
  readonly kind: FaultKind;
  readonly replica: string;
  readonly fromMs: number;
  readonly untilMs: number;
}

export interface FaultsOptions {
  readonly cluster: Cluster;
  readonly kinds: readonly FaultKind[];
  readonly random: Random;
  /** Between two faults, at most. */
  readonly pauseMs: number;
  readonly signal: AbortSignal;
}

const DOWN_MS = 2_000;

/** Does one fault after the other until the signal aborts; resolves when all replicas run again. */
export async function injectFaults(options: FaultsOptions): Promise<DoneFault[]> {
  const { cluster, random, pauseMs, signal } = options;
  const done: DoneFault[] = [];
  const { replicas, cutOff, leaseMs } = cluster;
  const kinds = options.kinds.filter((kind) => kind !== "cut" || cutOff !== null);
  if (kinds.length === 0) return done;
  // longer than a lease, or shorter: both are of interest
  const silence = (): number => leaseMs * (0.3 + random.integer(140) / 100) + random.integer(500);

  const faults: Readonly<Record<FaultKind, (number: number) => Promise<void>>> = {
    async kill(number) {
      await replicas[number]?.kill();
      await sleep(random.integer(DOWN_MS));
      await replicas[number]?.start();
    },
    async stop(number) {
      await replicas[number]?.stop();
      await sleep(random.integer(DOWN_MS));
      await replicas[number]?.start();
    },
    pause: async (number) => replicas[number]?.pause(silence()),
    async cut(number) {
      cutOff?.(number, true);
      await sleep(silence());
      cutOff?.(number, false);
    },
  };

  while (!signal.aborted) {
    await sleep(random.integer(pauseMs), undefined, { signal }).catch(() => {});
    if (signal.aborted) break;
    const kind = random.pick(kinds);
    const number = random.integer(replicas.length);
    const fromMs = performance.now();
    await faults[kind](number);
    done.push({ kind, replica: String(number), fromMs, untilMs: performance.now() });
  }
  return done;
}
