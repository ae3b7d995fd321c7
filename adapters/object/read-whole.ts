import { RunlogError } from "../../src/ports/errors.ts";
import type { ObjectBody } from "../../src/ports/object-bucket.ts";

/** The bytes of an object that was asked for whole. Rejects with `store-unanswered` if some miss. */
export async function readWhole({ bytes, size }: ObjectBody): Promise<Uint8Array<ArrayBuffer>> {
  const whole = new Uint8Array(size);
  let at = 0;
  for await (const chunk of bytes) {
    if (at + chunk.length > size) throw cutShort();
    whole.set(chunk, at);
    at += chunk.length;
  }
  if (at < size) throw cutShort();
  return whole;
}

/** A body that does not have the bytes that its head promised. */
export function cutShort(): RunlogError {
  return new RunlogError("store-unanswered", "An object did not come whole");
}
