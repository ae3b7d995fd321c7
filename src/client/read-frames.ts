import { SseParser } from "../stream/sse/sse-parse.ts";
import { SessionClientError } from "./client-error.ts";
import { SILENCE_MS } from "./requests.ts";

/** A frame of an event stream. */
export interface Frame {
  readonly data: string;
  /** Its own id, or null. */
  readonly id: string | null;
}

export interface ReadFramesOptions {
  /** Ends the reading, without an error. */
  readonly signal: AbortSignal;
  readonly silenceMs?: number | undefined;
}

/**
 * The frames of an answer as they come, until it ends, it has been silent for too long or the signal aborts. A frame that
 * has come in part is left out. Throws SessionClientError: `disconnected` where the connection breaks, `not-an-event-stream`.
 */
export async function* readFrames(
  { body, headers, status }: Response,
  { signal, silenceMs = SILENCE_MS }: ReadFramesOptions,
): AsyncGenerator<Frame, void, undefined> {
  const type = headers.get("Content-Type") ?? "";
  if (!type.startsWith("text/event-stream"))
    throw new SessionClientError(
      `The server answered with ${type || "nothing"} instead of events`,
      {
        status,
        code: "not-an-event-stream",
      },
    );
  if (!body) return;
  const reader = body.getReader();
  // a read that waits ends with it
  const stop = (): void => void reader.cancel().catch(() => {});
  signal.addEventListener("abort", stop);
  if (signal.aborted) stop();
  let timer = setTimeout(stop, silenceMs);
  const frames = new FrameCollector();
  try {
    const next = (): ReturnType<typeof reader.read> => reader.read().catch(fail);
    for (let read = await next(); !read.done; read = await next()) {
      clearTimeout(timer);
      yield* frames.of(read.value);
      timer = setTimeout(stop, silenceMs);
    }
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", stop);
    stop();
  }
}

function fail(cause: unknown): never {
  throw new SessionClientError("The connection broke", {
    status: null,
    code: "disconnected",
    cause,
  });
}

/** Makes frames of chunks that break anywhere. */
class FrameCollector {
  readonly #decoder = new TextDecoder();
  readonly #parser: SseParser;
  #data = "";
  #frames: Frame[] = [];

  constructor() {
    this.#parser = new SseParser({
      data: (bytes, from, to) => {
        this.#data += this.#decoder.decode(bytes.subarray(from, to), { stream: true });
      },
      end: () => {
        const data = this.#data + this.#decoder.decode();
        this.#frames.push({ data, id: this.#parser.id });
        this.#data = "";
      },
    });
  }

  /** The frames that the stream's next bytes complete. */
  of(chunk: Uint8Array): readonly Frame[] {
    this.#frames = [];
    this.#parser.push(chunk);
    return this.#frames;
  }
}
