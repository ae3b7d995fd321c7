import type { LogSession } from "./data-dir.ts";
import { type Reading, timeGet } from "./reading.ts";
import { median } from "./row.ts";

const ROUNDS = 3;

/** Times in milliseconds, ready to be spread into a row. */
export interface Comparison {
  readonly value: number;
  readonly unit: "ms";
  readonly barePipe: number;
  readonly ratio: number;
}

/**
 * The median of three calls of `timeOurs` against the median of three transfers of the same log
 * through the bare pipe, taken in turns after one of each that does not count.
 */
export async function comparePipe(
  reading: Reading,
  session: LogSession,
  timeOurs: () => Promise<number>,
): Promise<Comparison> {
  const index = reading.data.sessions.indexOf(session);
  const timePipe = (): Promise<number> => timeGet({ port: reading.pipePort, path: `/${index}` });
  await timePipe();
  await timeOurs();
  const pipe: number[] = [];
  const ours: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    pipe.push(await timePipe());
    ours.push(await timeOurs());
  }
  const value = median(ours);
  const barePipe = median(pipe);
  return { value, unit: "ms", barePipe, ratio: value / barePipe };
}
