import { Readable } from "node:stream";
import type { GetObjectCommandOutput } from "@aws-sdk/client-s3";
import type { ObjectBody } from "../../src/ports/object-bucket.ts";
import { RunlogError } from "../../src/ports/errors.ts";
import type { S3Errors } from "./errors.ts";
import { factsIn } from "./metadata.ts";

/**
 * The body of an answer; however it breaks off, it may come whole the next time. Throws `store-failed` for
 * a whole object where a part was asked for from `start` on: those would be other bytes.
 */
export function bodyOf(
  output: GetObjectCommandOutput,
  start: number | null,
  errors: S3Errors,
): ObjectBody {
  const { Body, ContentLength = 0, ContentRange, Metadata } = output;
  if (!(Body instanceof Readable)) throw errors.noAnswer(new TypeError("An answer without a body"));
  if (start !== null && !ContentRange?.startsWith(`bytes ${start}-`)) {
    Body.on("error", () => {}).destroy();
    const message = "The object store ignores Range on GET";
    throw new RunlogError("store-failed", message, { isUnfit: true });
  }
  // `bytes 0-9/100`: the size of the whole object comes last
  const whole = ContentRange === undefined ? undefined : /\/(\d+)$/.exec(ContentRange)?.[1];
  const size = whole === undefined ? ContentLength : Number(whole);
  return { size, ...factsIn(Metadata), bytes: streamOf(Body, errors) };
}

function streamOf(body: Readable, errors: S3Errors): ReadableStream<Uint8Array> {
  const chunks: AsyncIterator<Uint8Array> = body[Symbol.asyncIterator]();
  return new ReadableStream(
    {
      async pull(controller) {
        try {
          const { done, value } = await chunks.next();
          if (done) controller.close();
          else controller.enqueue(value);
        } catch (error) {
          throw errors.noAnswer(error);
        }
      },
      cancel() {
        // an iterator that waits cannot be asked to return; without a listener its error would be thrown
        body.on("error", () => {});
        body.destroy();
      },
    },
    { highWaterMark: 0 },
  );
}
