/** One event of a stream, or a line that comes before one: a comment, or `retry`. */
export interface SseFrame {
  readonly data: string | null;
  readonly id: string | null;
  readonly retry: string | null;
  readonly comments: readonly string[];
  /** The text, with the blank line of an event. */
  readonly raw: string;
}

/** An event with its cursor. */
export interface SseEvent {
  readonly data: string;
  readonly id: string;
}

const FIELD = /^(data|id|retry): (.*)$/s;
const LINE_BEFORE = /^(?::|retry:)/;

/**
 * Reads a stream as strictly as the protocol describes it: LF only, no field that it does not name,
 * each once, no frame without data. Anything else throws.
 */
export class SseReader {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  #text = "";
  #ended = false;

  constructor(stream: ReadableStream<Uint8Array>) {
    this.#reader = stream.getReader();
  }

  /** The next frame, or null at the end of the stream. Throws if it ends within a frame. */
  async frame(): Promise<SseFrame | null> {
    for (;;) {
      const length = this.#lengthOfNext();
      if (length > 0) {
        const raw = this.#text.slice(0, length);
        this.#text = this.#text.slice(length);
        return parseFrame(raw);
      }
      if (this.#ended) {
        if (this.#text !== "") throw new Error(`The stream ended within a frame: ${this.#text}`);
        return null;
      }
      const { value, done } = await this.#reader.read();
      this.#ended = done;
      if (value) this.#text += this.#decoder.decode(value, { stream: true });
    }
  }

  /** Of a line before a frame, or of a frame; 0 if none is whole. */
  #lengthOfNext(): number {
    const end = LINE_BEFORE.test(this.#text) ? "\n" : "\n\n";
    const at = this.#text.indexOf(end);
    return at === -1 ? 0 : at + end.length;
  }

  /** The next event, or null at the end of the stream; what is no event is passed over. */
  async event(): Promise<SseEvent | null> {
    for (;;) {
      const frame = await this.frame();
      if (frame === null) return null;
      if (frame.data !== null && frame.id !== null) return { data: frame.data, id: frame.id };
    }
  }

  /** The next `count` events; throws if the stream ends before. */
  async events(count: number): Promise<SseEvent[]> {
    const events: SseEvent[] = [];
    while (events.length < count) {
      const event = await this.event();
      if (!event) throw new Error(`The stream ended after ${events.length} of ${count} events`);
      events.push(event);
    }
    return events;
  }

  /** All events up to and with the first that `isLast` accepts; throws if the stream ends before. */
  async until(isLast: (event: SseEvent) => boolean): Promise<SseEvent[]> {
    const events: SseEvent[] = [];
    for (;;) {
      const event = await this.event();
      if (!event) throw new Error(`The stream ended after ${events.length} events`);
      events.push(event);
      if (isLast(event)) return events;
    }
  }

  /** The data of all events up to the end of the stream. */
  async rest(): Promise<string[]> {
    const seen: string[] = [];
    for (let event = await this.event(); event; event = await this.event()) seen.push(event.data);
    return seen;
  }

  cancel(): Promise<void> {
    return this.#reader.cancel();
  }
}

function parseFrame(raw: string): SseFrame {
  const fields: Record<string, string> = {};
  const comments: string[] = [];
  for (const line of raw.replace(/\n+$/, "").split("\n")) {
    if (line.startsWith(":")) {
      comments.push(line.slice(1).trim());
      continue;
    }
    const [, name = "", value = ""] = FIELD.exec(line) ?? [];
    if (name === "" || name in fields) throw new Error(`No line of a frame: ${line}`);
    fields[name] = value;
  }
  const { data = null, id = null, retry = null } = fields;
  if (data === null && (id !== null || comments.length + (retry === null ? 0 : 1) === 0))
    throw new Error(`A frame without data: ${JSON.stringify(raw)}`);
  return { data, id, retry, comments, raw };
}
