import { collect } from "../contract/outcome.ts";

/** One frame of an event stream, ended by its blank line. */
export interface SseFrame {
  /** The event, its data lines joined with line feeds; null if the frame has none. */
  readonly data: string | null;
  /** The cursor, or null. */
  readonly id: string | null;
  /** Text of the comment lines, without the colon and one space. */
  readonly comments: readonly string[];
}

export interface SseReader extends AsyncIterable<SseFrame> {
  /** The next frame, or null when the stream has ended. Rejects as the stream does. */
  next(): Promise<SseFrame | null>;
  /** Frames up to and with the first that `predicate` holds for. Rejects if the stream ends first. */
  readUntil(predicate: (frame: SseFrame) => boolean): Promise<SseFrame[]>;
  /** Every frame until the stream ends. */
  readAll(): Promise<SseFrame[]>;
  /** What has come of a frame that is not complete: "" when the stream stands between frames. */
  readonly incomplete: string;
  /** Cancels the stream, as a client that goes away. */
  cancel(reason?: unknown): Promise<void>;
}

/**
 * Reads an event stream as strictly as runlog writes it. Throws at ill-formed UTF-8, a carriage
 * return, a field other than `data` and `id`, data behind the id, or a field without the space
 * behind its colon.
 */
export function readSse(stream: ReadableStream<Uint8Array>): SseReader {
  const reader = stream.getReader();
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  const frames: SseFrame[] = [];
  let incomplete = "";
  let ended = false;

  async function fill(): Promise<void> {
    while (frames.length === 0 && !ended) {
      const { done, value } = await reader.read();
      incomplete += done ? decoder.decode() : decoder.decode(value, { stream: true });
      ended = done;
      const parts = incomplete.split("\n\n");
      incomplete = parts.pop() ?? "";
      frames.push(...parts.map(parseFrame));
    }
  }

  async function next(): Promise<SseFrame | null> {
    await fill();
    return frames.shift() ?? null;
  }

  async function* all(): AsyncGenerator<SseFrame> {
    for (let frame = await next(); frame !== null; frame = await next()) yield frame;
  }

  return {
    next,
    [Symbol.asyncIterator]: all,
    get incomplete() {
      return incomplete;
    },
    readAll: () => collect(all()),
    async readUntil(predicate) {
      const read: SseFrame[] = [];
      for await (const frame of all()) {
        read.push(frame);
        if (predicate(frame)) return read;
      }
      throw new Error(`The stream ended after ${read.length} frames, none of them the one`);
    },
    cancel: (reason) => reader.cancel(reason),
  };
}

function parseFrame(text: string): SseFrame {
  const data: string[] = [];
  const comments: string[] = [];
  let id: string | null = null;
  for (const line of text.split("\n")) {
    const [, field, value] = /^(data|id|): ([^\r]*)$/s.exec(line) ?? [];
    if (field === undefined || value === undefined) throw wrong(line);
    if (field === "") comments.push(value);
    else if (id !== null) throw wrong(line);
    else if (field === "data") data.push(value);
    else id = value;
  }
  return { data: data.length === 0 ? null : data.join("\n"), id, comments };
}

function wrong(line: string): Error {
  return new Error(`Not a line that runlog writes here: ${JSON.stringify(line.slice(0, 200))}`);
}
