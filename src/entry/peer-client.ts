import { Readable } from "node:stream";
import { Agent } from "undici";
import type { PeerClient } from "../ports/peer-client.ts";
import { RunlogError } from "../ports/errors.ts";

const CONNECT_TIMEOUT_MS = 5_000;
/** Streams of a session beat every 15 s: a peer that is silent for longer sleeps, or is gone. */
const SILENCE_MS = 45_000;
const WITHOUT_BODY: ReadonlySet<number> = new Set([101, 204, 205, 304]);

/** Peers over HTTP/1.1, with connections that are kept alive. */
export function createPeerClient(): PeerClient {
  const agent = new Agent({
    connect: { timeout: CONNECT_TIMEOUT_MS },
    // who sends decides how long an answer may take
    headersTimeout: 0,
    bodyTimeout: SILENCE_MS,
  });
  return {
    async send({ body, headers, method, signal, url }) {
      const { origin, pathname, search } = new URL(url);
      try {
        const answer = await agent.request({
          origin,
          path: `${pathname}${search}`,
          method,
          headers: Object.fromEntries(headers),
          body: body && Readable.from(chunksOf(body), { objectMode: false }),
          signal,
        });
        const status = answer.statusCode;
        const given = new Headers();
        for (const [name, value] of Object.entries(answer.headers))
          for (const each of [value ?? []].flat()) given.append(name, each);
        if (WITHOUT_BODY.has(status)) answer.body.resume();
        return new Response(WITHOUT_BODY.has(status) ? null : webBody(answer.body), {
          status,
          headers: given,
        });
      } catch (cause) {
        if (signal.aborted) throw signal.reason;
        throw new RunlogError("peer-unreachable", "Another server does not answer", { cause });
      }
    },
    close: () => agent.destroy(),
  };
}

/** Begins to read when the first chunk is asked for: a request that never gets so far leaves the body as it is. */
async function* chunksOf(body: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  const reader = body.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } finally {
    reader.cancel().catch(() => {
      // it is broken already
    });
  }
}

/** Pulled as it is asked for: Node's own adapter throws where nobody can catch it when a stream is cancelled that flows. */
function webBody(body: Readable): ReadableStream<Uint8Array> {
  const chunks: AsyncIterator<Uint8Array> = body[Symbol.asyncIterator]();
  body.on("error", () => {
    // whoever reads it gets it; after a cancel nobody does
  });
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { done, value } = await chunks.next();
        if (done === true) controller.close();
        else controller.enqueue(value);
      },
      cancel() {
        body.destroy();
      },
    },
    { highWaterMark: 0 },
  );
}
