import { gzipSync } from "node:zlib";
import { randomBytes } from "node:crypto";
import { setImmediate as nextTurn } from "node:timers/promises";
import { expect, it, onTestFinished } from "vitest";
import { gunzipMember, gzipMember, gzipStream } from "../../../../src/stream/bytes/gzip.ts";

const PLAIN = new TextEncoder().encode(randomBytes(200_000).toString("hex"));
const PACKED = new Uint8Array(gzipSync(PLAIN));
const PIECE = 16_384;

/** The bytes in pieces; resolves `cancelled` when nobody wants more. */
function sourceOf(bytes: Uint8Array<ArrayBuffer>) {
  const { promise: cancelled, resolve } = Promise.withResolvers<void>();
  let at = 0;
  const stream = new ReadableStream<Uint8Array<ArrayBuffer>>(
    {
      pull(controller) {
        if (at < bytes.length) controller.enqueue(bytes.slice(at, (at += PIECE)));
        else controller.close();
      },
      cancel: () => resolve(),
    },
    { highWaterMark: 0 },
  );
  return { stream, cancelled };
}

/** What was thrown where nobody could catch it, until the test has ended. */
function uncaughtErrors(): unknown[] {
  const errors: unknown[] = [];
  const note = (error: unknown): void => void errors.push(error);
  process.on("uncaughtExceptionMonitor", note);
  onTestFinished(() => void process.off("uncaughtExceptionMonitor", note));
  return errors;
}

/** Enough for a codec to have given what it can. */
async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await nextTurn();
}

it("what was packed is unpacked again", async () => {
  const packed = await gzipMember(PLAIN);
  const chunks: Uint8Array[] = [];
  for await (const chunk of gunzipMember(packed)) chunks.push(chunk);
  expect(Buffer.concat(chunks).equals(PLAIN)).toBe(true);
});

it("whoever stops unpacking at any time leaves nothing that fails", async () => {
  const errors = uncaughtErrors();
  for (let round = 0; round < 150; round++) {
    const chunks = gunzipMember(PACKED);
    for (let read = 0; read <= round % 7; read++) {
      await turns(round % 50);
      expect((await chunks.next()).done).toBe(false);
    }
    await chunks.return(undefined);
  }
  await turns(100);
  expect(errors).toEqual([]);
});

it("whoever stops packing at any time leaves nothing that fails, and its source is cancelled", async () => {
  const errors = uncaughtErrors();
  for (let round = 0; round < 100; round++) {
    const { stream, cancelled } = sourceOf(PLAIN);
    const reader = gzipStream(stream).getReader();
    for (let read = 0; read < 1 + (round % 5); read++) {
      await turns(round % 50);
      expect((await reader.read()).done).toBe(false);
    }
    const last = reader.read();
    await reader.cancel();
    await last;
    await cancelled;
  }
  await turns(100);
  expect(errors).toEqual([]);
});

it("a source that fails fails what is packed of it", async () => {
  const failure = new Error("it broke");
  const source = new ReadableStream<Uint8Array<ArrayBuffer>>({
    pull: (controller) => controller.error(failure),
  });
  await expect(gzipStream(source).getReader().read()).rejects.toThrow();
});
