import { RunlogError } from "../../ports/errors.ts";
import type { Instrument } from "./instruments.ts";
import type { Meters } from "./meters.ts";

/** Calls `work` and records how long it took, in seconds, with `operation` and its `result`. */
export async function timed<T>(
  { record }: Pick<Meters, "record">,
  instrument: Instrument,
  operation: string,
  work: () => Promise<T>,
): Promise<T> {
  const beganAtMs = performance.now();
  let result = "ok";
  try {
    return await work();
  } catch (error) {
    result = resultOf(error);
    throw error;
  } finally {
    record(instrument, (performance.now() - beganAtMs) / 1_000, { operation, result });
  }
}

/** The code of an error; anything else is `internal`, so that there are few. */
function resultOf(error: unknown): string {
  return error instanceof RunlogError ? error.code : "internal";
}
