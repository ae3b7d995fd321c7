import * as fc from "fast-check";

/** Something that takes input from outside, and what must hold whatever that input is. */
export interface FuzzTarget {
  /** Says which part of the server it is. */
  readonly name: string;
  /**
   * Tries random inputs until the time is over; resolves with how many. Rejects with the smallest
   * input that breaks the rule, the seed and the path that lead to it.
   */
  run(options: FuzzOptions): Promise<number>;
}

interface FuzzOptions {
  readonly seed: number;
  readonly timeMs: number;
  /** Told before each input. */
  readonly onCase?: () => void;
}

/** Longer than any one input may take, also on a machine that is busy with other things. */
const CASE_TIMEOUT_MS = 60_000;

/** A target whose `check` throws, rejects or never settles for an input that breaks its rule. */
export function fuzzTarget<Input>(
  name: string,
  inputs: fc.Arbitrary<Input>,
  check: (input: Input) => Promise<void> | void,
): FuzzTarget {
  return {
    name,
    async run({ seed, timeMs, onCase }) {
      let cases = 0;
      const property = fc.asyncProperty(inputs, async (input) => {
        cases += 1;
        onCase?.();
        await check(input);
      });
      const details = await fc.check(property, {
        seed,
        numRuns: Number.MAX_SAFE_INTEGER,
        timeout: CASE_TIMEOUT_MS,
        interruptAfterTimeLimit: timeMs,
      });
      if (details.failed) {
        const report = await fc.asyncDefaultReportMessage(details);
        throw new Error(`${name}: ${String(details.errorInstance)}\n${report}`);
      }
      return cases;
    },
  };
}
