import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

type Collect = (options: { readonly type: "minor" }) => void;

/** Chunks of a stream that have been passed on and not been collected yet. */
const STEP_BYTES = 4 * 1024 * 1024;

/**
 * A count of bytes that pass: after every 4 MiB of them the young objects are collected, some 0.3 ms.
 * Chunks lie outside of the heap, which hardly grows by them: left to itself, V8 lets some 30 MiB of them
 * pile up.
 */
export function createYoungCollector(): (bytes: number) => void {
  setFlagsFromString("--expose-gc");
  const collect: unknown = runInNewContext("gc");
  let passed = 0;
  return (bytes) => {
    passed += bytes;
    if (passed < STEP_BYTES || typeof collect !== "function") return;
    passed = 0;
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- V8's own function
    (collect as Collect)({ type: "minor" });
  };
}
