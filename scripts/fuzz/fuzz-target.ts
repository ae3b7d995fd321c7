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
      const limits = { seed, timeout: CASE_TIMEOUT_MS };
      // the first one loads what the others have then, and takes the time that it needs
      const first = await fc.check(property, {
        ...limits,
        numRuns: 1,
        // an input that hangs is made smaller for so long, each try of it being a timeout again
        interruptAfterTimeLimit: 2 * CASE_TIMEOUT_MS,
      });
      const details = first.failed
        ? first
        : await fc.check(property, {
            ...limits,
            numRuns: Number.MAX_SAFE_INTEGER,
            interruptAfterTimeLimit: timeMs,
          });
      // on a busy machine the time may be over before one more is done: nothing was found then
      const isCutShort = details.interrupted && details.counterexample === null;
      if (details.failed && !isCutShort) {
        const report = await fc.asyncDefaultReportMessage(details);
        throw new Error(`${name}: ${String(details.errorInstance)}\n${report}`);
      }
      return cases;
    },
  };
}
