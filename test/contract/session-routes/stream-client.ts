import { expect } from "vitest";
import type { SessionRoutesHarness } from "./harness.ts";

/** A part of a stream, as one answer has it. */
export interface StreamPart {
  readonly status: number;
  readonly text: string;
  readonly next: string;
  readonly isUpToDate: boolean;
  readonly isClosed: boolean;
  readonly headers: Headers;
}

/** One event of a live stream. */
export interface StreamFrame {
  readonly event: string;
  readonly data: string;
}

export interface Control {
  readonly streamNextOffset: string;
  readonly streamCursor?: string;
  readonly upToDate?: boolean;
  readonly streamClosed?: boolean;
}

/** A client of Durable Streams that takes nothing for granted. */
export class StreamClient {
  readonly path: string;
  readonly #server: SessionRoutesHarness;

  /** `stream`: `<session>`, or `<session>/runs/<runId>`. */
  constructor(server: SessionRoutesHarness, stream = "s1", project = "p1") {
    this.#server = server;
    this.path = `/v1/streams/${project}/${stream}`;
  }

  fetch(query = "", init: RequestInit = {}): Promise<Response> {
    return this.#server.fetch(`${this.path}${query}`, init);
  }

  async part(query = "", headers: Record<string, string> = {}): Promise<StreamPart> {
    const response = await this.fetch(query, { headers });
    const text = await response.text();
    return {
      status: response.status,
      text,
      next: response.headers.get("Stream-Next-Offset") ?? "",
      isUpToDate: response.headers.get("Stream-Up-To-Date") === "true",
      isClosed: response.headers.get("Stream-Closed") === "true",
      headers: response.headers,
    };
  }

  /** Reads from an offset to the end; the texts of all parts. */
  async catchUp(offset = "-1"): Promise<{ texts: string[]; last: StreamPart }> {
    const texts: string[] = [];
    for (let at = offset; ;) {
      const part = await this.part(`?offset=${at}`);
      expect(part.status, part.text).toBe(200);
      texts.push(part.text);
      if (part.isUpToDate) return { texts, last: part };
      expect(part.next > at || at === "-1").toBe(true);
      at = part.next;
    }
  }

  /** Opens the live stream. */
  async live(offset = "-1"): Promise<LiveReader> {
    const response = await this.fetch(`?offset=${offset}&live=sse`);
    if (!response.body || response.status !== 200)
      throw new Error(`No stream: ${response.status} ${await response.text()}`);
    return new LiveReader(response);
  }

  /** Sends a body. */
  send(
    method: string,
    body: BodyInit | null = null,
    headers: Record<string, string> = {},
  ): Promise<Response> {
    return this.fetch("", {
      method,
      headers: { "Content-Type": "application/json", ...headers },
      ...(body !== null && { body }),
    });
  }
}

/** Reads a live stream as strictly as the protocol describes it. */
export class LiveReader {
  readonly response: Response;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #decoder = new TextDecoder("utf-8", { fatal: true });
  #text = "";

  constructor(response: Response) {
    if (!response.body) throw new TypeError("an answer without a body");
    this.response = response;
    this.#reader = response.body.getReader();
  }

  /** The next event, or null at the end. Throws if the stream ends within one. */
  async frame(): Promise<StreamFrame | null> {
    for (;;) {
      const end = this.#text.indexOf("\n\n");
      if (end !== -1) {
        const raw = this.#text.slice(0, end);
        this.#text = this.#text.slice(end + 2);
        const lines = raw.split("\n").filter((line) => !line.startsWith(":"));
        const [event = "", data = "", ...more] = lines;
        expect(more).toEqual([]);
        expect(event).toMatch(/^event: (data|control)$/);
        expect(data).toMatch(event === "event: control" ? /^data:\{/ : /^data: \[/);
        return { event: event.slice(7), data: data.replace(/^data: ?/, "") };
      }
      const { value, done } = await this.#reader.read();
      if (done) {
        expect(this.#text.replace(/^(:.*|retry: \d+)\n/, "")).toBe("");
        return null;
      }
      this.#text += this.#decoder.decode(value, { stream: true });
    }
  }

  /** The events of each `data` event and the control event after it, until `isLast` accepts one. */
  async until(isLast: (control: Control) => boolean): Promise<{ texts: string[]; last: Control }> {
    const texts: string[] = [];
    for (;;) {
      const frame = await this.frame();
      if (!frame) throw new Error(`The stream ended after ${texts.length} parts`);
      if (frame.event === "data") texts.push(frame.data);
      else {
        const last = JSON.parse(frame.data) as Control;
        if (isLast(last)) return { texts, last };
      }
    }
  }

  cancel(): Promise<void> {
    return this.#reader.cancel();
  }
}

/** The events as they stand in arrays, which have nothing but them. */
export function eventsIn(texts: readonly string[]): string {
  return texts
    .filter((text) => text !== "[]")
    .map((text) => text.slice(1, -1))
    .join(",");
}
