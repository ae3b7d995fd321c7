import { createDataDir, type DataDir, type LogSession } from "../bench/data-dir.ts";
import { ARCHIVED_MEGABYTES } from "./workloads/archives.ts";
import { generateLog, type GeneratedLog } from "../bench/generate-log.ts";

/** The sessions of a soak, and which of them have runs. */
export interface SoakData extends DataDir {
  /** Sessions whose runs go on during the soak. */
  readonly running: readonly LogSession[];
  /** Sessions that are only read. */
  readonly resting: readonly LogSession[];
}

/** Sizes in MB, how many sessions have them, and how many of those run. */
const SIZES = [
  { megabytes: 1_000, sessions: 1, running: 0 },
  { megabytes: 300, sessions: 2, running: 0 },
  { megabytes: 100, sessions: 3, running: 1 },
  { megabytes: 30, sessions: 6, running: 1 },
  { megabytes: 10, sessions: 20, running: 4 },
  { megabytes: 5, sessions: 40, running: 10 },
  { megabytes: 1, sessions: 128, running: 24 },
] as const;

/**
 * Bytes on disk, in MB, for logs of at most `largest` MB: the generated ones, their copies, as much for
 * what is compacted and archived of these, as if nothing became smaller by it.
 */
export function neededMegabytes(largest: number): number {
  return SIZES.reduce((sum, { megabytes, sessions, running }) => {
    const size = Math.min(megabytes, largest);
    const archived = size <= ARCHIVED_MEGABYTES ? sessions - running : 0;
    return sum + size * (1 + 2 * (sessions + archived));
  }, 0);
}

/** Lays 200 sessions, none larger than `largest` MB. */
export async function layOutSessions(largest: number): Promise<SoakData> {
  const logs: GeneratedLog[] = [];
  const runs: boolean[] = [];
  for (const { megabytes, sessions, running } of SIZES) {
    const log = await generateLog(Math.min(megabytes, largest));
    for (let index = 0; index < sessions; index += 1) {
      logs.push(log);
      runs.push(index < running);
    }
  }
  const data = await createDataDir(logs, ({ megabytes }, index) => `s${index}-${megabytes}mb`);
  return {
    ...data,
    running: data.sessions.filter((_, index) => runs[index]),
    resting: data.sessions.filter((_, index) => !runs[index]),
  };
}
