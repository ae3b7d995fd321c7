import type { Socket } from "node:net";

/** No answer's head is longer for undici either. */
const MAX_HEAD_BYTES = 16 * 1024;
/** `HTTP/1.1 1`: as much as it takes to know an interim answer from a final one. */
const STATUS_AT = "HTTP/1.1 ".length;
const INTERIM = /^HTTP\/1\.[01] 1(?!01)/;
const HEAD_END = "\r\n\r\n";

/**
 * Lets readers of `socket`, which carries one request, receive the final answer alone: interim ones
 * (1xx) are skipped, as RFC 9110 (15.2) requires of a client. undici breaks the connection off at a
 * 100. An answer 101 stays: what follows it is no HTTP.
 */
export function readFinalAnswer(socket: Socket): void {
  const readNext: Socket["read"] = socket.read.bind(socket);
  let held: Buffer = Buffer.alloc(0);

  /** The rest of `held` after interim answers, once it is known to begin another one; else null. */
  function finalPart(): Buffer | null {
    for (;;) {
      const start = held.toString("latin1", 0, STATUS_AT + 3);
      if (start.length < STATUS_AT + 3) return null;
      if (!INTERIM.test(start)) return held;
      const end = held.indexOf(HEAD_END);
      if (end === -1) return held.length > MAX_HEAD_BYTES ? held : null;
      held = held.subarray(end + HEAD_END.length);
    }
  }

  socket.read = (size) => {
    for (;;) {
      const chunk: unknown = readNext(size);
      if (!Buffer.isBuffer(chunk)) return chunk;
      held = held.length === 0 ? chunk : Buffer.concat([held, chunk]);
      const part = finalPart();
      if (part === null) continue;
      socket.read = readNext;
      return part;
    }
  };
}
