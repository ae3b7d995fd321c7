import { setTimeout as sleep } from "node:timers/promises";
import { createFileBucket } from "../../adapters/file-bucket/index.ts";
import type { ObjectBucket } from "../../src/ports/object-bucket.ts";

/** What calls take over a network within one region, in ms; S3 Standard's usual times. */
const WRITE_MS = 30;
const READ_MS = 20;

/** A bucket in a directory, shared by processes, whose calls take as long as over a network. `onCall` is told the name of each. */
export function createSlowBucket(
  dir: string,
  onCall: (name: string) => void = () => {},
): ObjectBucket {
  const { place, ...calls } = createFileBucket({ dir });
  const slow = Object.entries(calls).map(([name, call]) => [
    name,
    async (...args: unknown[]) => {
      onCall(name);
      await sleep(/^(?:get|head|list)$/.test(name) ? READ_MS : WRITE_MS);
      return (call as (...given: unknown[]) => unknown)(...args);
    },
  ]);
  return { place, ...Object.fromEntries(slow) };
}
