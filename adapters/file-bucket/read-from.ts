import { type FileHandle, open } from "node:fs/promises";
import { RunlogError } from "../../src/ports/errors.ts";
import { fileError } from "./errors.ts";

const CHUNK = 256 * 1024;

/**
 * The bytes from `start` to `end` of a file of `size` bytes, which is opened by the first pull. A file
 * that was replaced meanwhile is an answer that broke off: `store-unanswered`.
 */
export function readFrom(
  path: string,
  start: number,
  end: number,
  size: number,
): ReadableStream<Uint8Array> {
  let file: FileHandle | null = null;
  let at = start;

  async function close(): Promise<void> {
    await file?.close();
    file = null;
  }

  async function next(): Promise<Uint8Array> {
    file ??= await open(path);
    const buffer = new Uint8Array(Math.min(CHUNK, end - at));
    const { bytesRead } = await file.read(buffer, 0, buffer.length, at);
    const isAnother = bytesRead === 0 || (await file.stat()).size !== size;
    if (isAnother) throw new RunlogError("store-unanswered", "The object was replaced");
    at += bytesRead;
    return buffer.subarray(0, bytesRead);
  }

  return new ReadableStream(
    {
      async pull(controller) {
        try {
          if (at < end) controller.enqueue(await next());
          if (at < end) return;
          await close();
          controller.close();
        } catch (error) {
          await close();
          throw fileError(error);
        }
      },
      cancel: close,
    },
    { highWaterMark: 0 },
  );
}
