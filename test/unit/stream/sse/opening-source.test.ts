import { expect, it } from "vitest";
import { openingSource } from "../../../../src/stream/sse/opening-source.ts";
import type { ChunkSource } from "../../../../src/stream/sse/paced-stream.ts";

const first = Uint8Array.of(1);

function sourceOf(chunks: Uint8Array<ArrayBuffer>[]): ChunkSource & { isClosed: boolean } {
  return {
    isClosed: false,
    atBoundary: true,
    next: () => Promise.resolve(chunks.shift() ?? null),
    close() {
      this.isClosed = true;
    },
  };
}

it("gives its first chunk before anything is opened, then what was opened", async () => {
  const opened = sourceOf([Uint8Array.of(2)]);
  const calls: string[] = [];
  const source = openingSource({
    first,
    open: () => {
      calls.push("open");
      return Promise.resolve(opened);
    },
    onClosed: () => calls.push("closed"),
  });
  expect(await source.next()).toBe(first);
  expect(calls).toEqual([]);
  expect(await source.next()).toEqual(Uint8Array.of(2));
  expect(await source.next()).toBeNull();
  source.close();
  expect(calls).toEqual(["open", "closed"]);
  expect(opened.isClosed).toBe(true);
});

it("tells whoever opens that nobody waits any more, and closes what comes later", async () => {
  const opened = sourceOf([]);
  const opening = Promise.withResolvers<ChunkSource>();
  let signal: AbortSignal | undefined;
  const source = openingSource({
    first,
    open: (given) => {
      signal = given;
      return opening.promise;
    },
    onClosed() {},
  });
  await source.next();
  const next = source.next();
  source.close();
  expect(signal?.aborted).toBe(true);
  opening.resolve(opened);
  expect(await next).toBeNull();
  expect(opened.isClosed).toBe(true);
});
