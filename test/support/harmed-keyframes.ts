import { RunlogError } from "../../src/ports/errors.ts";
import type { LogStat, LogStore } from "../../src/ports/log-store.ts";
import { concatBytes } from "../../src/stream/bytes/concat.ts";

/**
 * What may become of a log of keyframes: its writer stopped in a record, a byte has changed, something else stands in it, or
 * it is gone. `place` says where, from 0 to 1.
 */
export interface Harm {
  readonly kind: "none" | "half-written" | "damaged" | "foreign" | "missing";
  readonly place: number;
}

const LF = 10;

/** A store whose log of keyframes can be harmed. */
export function harmedKeyframes(store: LogStore): {
  readonly store: LogStore;
  readonly harm: (harm: Harm) => void;
} {
  let bytes: Uint8Array = new Uint8Array(0);
  return {
    store: {
      ...store,
      async stat(key) {
        const stat = await store.stat(key);
        return stat && withKeyframes(stat, bytes.length);
      },
      async append(key, given, options) {
        if (options.log !== "keyframes") return store.append(key, given, options);
        if (options.expectedEnd !== bytes.length)
          throw new RunlogError("log-fenced", "The log ends elsewhere");
        bytes = concatBytes([bytes, ...(given instanceof Uint8Array ? [given] : given)]);
        return bytes.length;
      },
      read(key, options) {
        if (options.log !== "keyframes") return store.read(key, options);
        const { start = 0, end = bytes.length } = options;
        return new Blob([Uint8Array.from(bytes.subarray(start, end))]).stream();
      },
    },
    harm({ kind, place }) {
      const at = Math.floor(place * bytes.length);
      if (kind === "missing") bytes = new Uint8Array(0);
      if (kind === "half-written") bytes = bytes.slice(0, bytes.lastIndexOf(LF, at) + 1);
      if (kind === "foreign")
        bytes = concatBytes([bytes, new TextEncoder().encode("#what is this\n")]);
      if (kind === "damaged" && at < bytes.length) {
        bytes = bytes.slice();
        bytes[at] = (bytes[at] ?? 0) ^ 1;
      }
    },
  };
}

/** The same store without keyframes. */
export function withoutKeyframes(store: LogStore): LogStore {
  return {
    ...store,
    async stat(key) {
      const stat = await store.stat(key);
      return stat && withKeyframes(stat, 0);
    },
  };
}

function withKeyframes(stat: LogStat, keyframes: number): LogStat {
  return { ...stat, end: { ...stat.end, keyframes } };
}
