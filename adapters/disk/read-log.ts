import { RunlogError } from "../../src/ports/errors.ts";
import { rangeWithin } from "../../src/ports/log-values.ts";
import type { ReadOptions, SessionKey } from "../../src/ports/log-store.ts";
import type { SessionCache } from "./session-cache.ts";

/** The first chunk is small, so that a viewer sees something at once; the others are for speed. */
const FIRST_CHUNK = 16 * 1024;
const CHUNK = 64 * 1024;

/**
 * The bytes of a log as a pull-driven byte stream. Each pull is a use of the session of its own, so
 * a reader that stops keeps neither descriptor nor session.
 */
export function readLog(
  cache: SessionCache,
  key: SessionKey,
  range: ReadOptions,
  assertOpen: () => void,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  const { logId, start = 0, log = "raw", signal } = range;
  let position = start;
  let to: number | null = null;

  /** Reads what comes next into `given`, or into memory of its own. */
  function readNext(given: Uint8Array<ArrayBuffer> | null): Promise<Uint8Array<ArrayBuffer>> {
    return cache.use(key, async (session) => {
      if (!session) throw new RunlogError("log-not-found", "There is no such log");
      session.assertIs(logId);
      // settled when the read begins
      to ??= rangeWithin(session.stat.end[log], range).end;
      const most = given?.length ?? (position === start ? FIRST_CHUNK : CHUNK);
      const length = Math.min(most, to - position);
      // not zeroed: every byte of it is read into
      const bytes = given?.subarray(0, length) ?? unzeroed(length);
      if (length > 0) await session.read(log, bytes, position);
      return bytes;
    });
  }

  async function pull(controller: ReadableByteStreamController): Promise<void> {
    signal?.throwIfAborted();
    assertOpen();
    const request = controller.byobRequest;
    const bytes = await readNext(viewOf(request));
    signal?.throwIfAborted();
    position += bytes.length;
    const done = position === to;
    if (bytes.length === 0) {
      controller.close();
      request?.respond(0);
      return;
    }
    if (request) request.respond(bytes.length);
    else controller.enqueue(bytes);
    if (done) controller.close();
  }

  return new ReadableStream({ type: "bytes", pull }, { highWaterMark: 0 });
}

function viewOf(request: ReadableStreamBYOBRequest | null): Uint8Array<ArrayBuffer> | null {
  const view = request?.view;
  return view ? new Uint8Array(view.buffer, view.byteOffset, view.byteLength) : null;
}

function unzeroed(length: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Buffer.allocUnsafeSlow(length).buffer);
}
