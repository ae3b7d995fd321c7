import { setTimeout as sleep } from "node:timers/promises";
import { createRandom } from "../../bench/random.ts";
import type { KeptServer } from "../kept-server.ts";

export interface DisturbOptions {
  readonly minutes: number;
  readonly seed: number;
  /** A random one of them is killed so often. */
  readonly killEverySeconds: number;
  /** The next one in turn is ended by SIGTERM so often. */
  readonly rollEverySeconds: number;
  readonly progress: (text: string) => void;
}

/** Kills replicas and rolls over them, one at a time, until the time is over. */
export async function disturb(
  replicas: readonly KeptServer[],
  options: DisturbOptions,
): Promise<void> {
  const { seed, killEverySeconds, rollEverySeconds, progress } = options;
  const random = createRandom(seed);
  const startedAtMs = Date.now();
  const endAtMs = startedAtMs + options.minutes * 60_000;
  let killAtMs = startedAtMs + killEverySeconds * 1_000;
  let rollAtMs = startedAtMs + rollEverySeconds * 1_000;
  for (let rolled = 0; ;) {
    const nextMs = Math.min(killAtMs, rollAtMs, endAtMs);
    await sleep(Math.max(0, nextMs - Date.now()));
    if (nextMs === endAtMs || Date.now() >= endAtMs) return;
    const isKill = nextMs === killAtMs;
    const number = isKill ? random.integer(replicas.length) : rolled % replicas.length;
    const fromMs = Date.now();
    if (isKill) {
      killAtMs = fromMs + killEverySeconds * 1_000;
      await replicas[number]?.killAndStart();
    } else {
      rolled += 1;
      rollAtMs = fromMs + rollEverySeconds * 1_000;
      await replicas[number]?.rollOver();
    }
    progress(
      `${new Date(fromMs).toISOString()} replica ${number} ${isKill ? "killed" : "rolled over"}, there again after ${Date.now() - fromMs} ms, ` +
        `${Math.round((endAtMs - Date.now()) / 1_000)} s before the end`,
    );
  }
}
