import { describe, expect, it } from "vitest";
import { createMemoryObjectBucket } from "../../adapters/memory/index.ts";
import { createObjectLogStore } from "../../adapters/object/index.ts";
import { systemClock } from "../../src/entry/system-clock.ts";
import type { ReadOptions } from "../../src/ports/log-store.ts";
import type { ObjectBucket } from "../../src/ports/object-bucket.ts";
import { utf8 } from "../contract/bytes.ts";
import { codeOf } from "../contract/outcome.ts";
import { nextTurn } from "../contract/wait-for.ts";
import { createManualClock } from "../support/manual-clock.ts";

const KEY = { project: "p", session: "s" };
/** What each call of the bucket takes. */
const CALL_MS = 10;

/** A log of two lines that another process has written, and who reads it over a slow bucket. */
async function written() {
  const memory = createMemoryObjectBucket();
  const owner = createObjectLogStore({ bucket: memory, clock: systemClock, batchMs: 0 });
  const { logId } = await owner.create(KEY);
  for (const expectedEnd of [0, 3])
    await owner.append(KEY, utf8("{}\n"), { logId, expectedEnd, durable: true });
  await owner.close();

  const clock = createManualClock();
  const { place, ...calls } = memory;
  const slow = Object.entries(calls).map(([name, call]) => [
    name,
    async (...args: unknown[]) => {
      await new Promise<void>((resolve) => {
        clock.after(CALL_MS, resolve);
      });
      return (call as (...given: unknown[]) => unknown)(...args);
    },
  ]);
  const bucket = { place, ...Object.fromEntries(slow) } as ObjectBucket;
  const store = createObjectLogStore({ bucket, clock });

  /** The result, and how many answers had to come one after the other. */
  async function rounds<T>(work: Promise<T>): Promise<{ result: T; rounds: number }> {
    const state = { isDone: false };
    const end = (): void => {
      state.isDone = true;
    };
    work.then(end, end);
    let count = 0;
    for (await nextTurn(); !state.isDone; count++) {
      clock.advance(CALL_MS);
      await nextTurn();
    }
    return { result: await work, rounds: count };
  }

  async function read(range: ReadOptions): Promise<string> {
    let text = "";
    for await (const bytes of store.read(KEY, range)) text += new TextDecoder().decode(bytes);
    return text;
  }
  return { logId, rounds, read };
}

describe("a read of a session that another process has", () => {
  it("takes one answer of the bucket for what was appended last", async () => {
    const { logId, rounds, read } = await written();
    expect(await rounds(read({ logId, start: 3, end: 6 }))).toEqual({ result: "{}\n", rounds: 1 });
  });

  it("takes three, one after the other, for what begins within an append", async () => {
    const { logId, rounds, read } = await written();
    expect(await rounds(read({ logId, start: 1, end: 6 }))).toEqual({
      result: "}\n{}\n",
      rounds: 3,
    });
  });

  it("takes two up to the end", async () => {
    const { logId, rounds, read } = await written();
    expect(await rounds(read({ logId, start: 3 }))).toEqual({ result: "{}\n", rounds: 2 });
  });

  it("gives nothing of a range that the log does not have, or of another log", async () => {
    const { logId, rounds, read } = await written();
    for (const [range, code] of [
      [{ logId, start: 3, end: 7 }, "log-range"],
      [{ logId, start: 4, end: 3 }, "log-range"],
      [{ logId, start: -1, end: 3 }, "log-range"],
      [{ logId: "0123456789abcdef", start: 0, end: 3 }, "log-not-found"],
    ] as const)
      expect((await rounds(codeOf(read(range)))).result).toBe(code);
  });
});
