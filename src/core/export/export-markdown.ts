import type { LogReader, LogStat, ReadOptions, SessionKey } from "../../ports/log-store.ts";
import { createByteBudget } from "../../stream/sync/byte-budget.ts";
import { createTimeSlicer } from "../../stream/sync/time-slicer.ts";
import type { LogPlace } from "../model/cursor.ts";
import type { ReadableLog } from "../log/readable-log.ts";
import type { LogChunk } from "../replay/log-follower.ts";
import { MarkdownMessages } from "./markdown-messages.ts";
import { MarkdownWriter } from "./markdown-writer.ts";
import type { ParsedEvent } from "../profile/repair/parsed-event.ts";
import { MAX_EVENT_BYTES } from "../profile/repair/max-event-bytes.ts";
import { ProfileReader } from "../profile/profile-reader.ts";
import { ProfileStream } from "../profile/profile-stream.ts";

/** Time in ms of each turn of the event loop for exports. */
const TURN_MS = 5;
const LF = 10;

/**
 * A session as a conversation in Markdown (PROTOCOL 6.5), piece by piece: the log is read as
 * for a client of the AG-UI standard, and what that client holds is written where a run ends. Memory
 * is bounded whatever the log's length: by the largest event and what `MarkdownWriter` holds.
 */
export async function* exportMarkdown(
  reader: Pick<LogReader, "stat" | "read">,
  key: SessionKey,
  readable: ReadableLog | null,
): AsyncGenerator<string> {
  yield `# ${key.project}/${key.session}\n`;
  if (!readable) return;
  const abort = new AbortController();
  const log = new LogOnce(reader, readable);
  const conversation = createConversation(log, key, abort.signal);
  try {
    for await (const chunk of log.lines(key)) yield* conversation.take(chunk);
    yield* conversation.end();
  } finally {
    abort.abort();
    conversation.close();
  }
}

interface Conversation {
  /** Takes a line, or a part of one; yields the text to be written so far. */
  take(chunk: LogChunk): AsyncGenerator<string, void, undefined>;
  end(): AsyncGenerator<string, void, undefined>;
  close(): void;
}

function createConversation(
  store: Pick<LogReader, "stat" | "read">,
  key: SessionKey,
  signal: AbortSignal,
): Conversation {
  const turns = createTimeSlicer({ turnMs: TURN_MS });
  const openers = (): readonly ParsedEvent[] => profile.items.open.openers;
  const beforeLoss = (): void => writer.beforeLoss();
  const messages: MarkdownMessages = new MarkdownMessages({ beforeLoss, openers });
  const writer: MarkdownWriter = new MarkdownWriter({ messages, openers });
  const threadId = key.session;
  const profile: ProfileStream = new ProfileStream({
    dialect: "1.0",
    threadId,
    writer,
    messages,
    // one failing event must not end the export
    onFault: () => writer.failed(),
  });
  const lineBudget = createByteBudget(MAX_EVENT_BYTES);
  const frames = new ProfileReader({ key, store, profile, writer, lineBudget, turns, signal });

  async function* written(feeding: AsyncGenerator): AsyncGenerator<string, void> {
    while (!(await feeding.next()).done) yield* texts();
    // the writer reads the messages themselves, so no event has to be sent for them
    profile.snapshotSent();
    if (writer.take()) yield* texts();
  }

  async function* texts(): AsyncGenerator<string, void> {
    const taken = writer.takeText();
    for (;;) {
      const { value: text, done } = await turns.run(async () => taken.next());
      if (done) return;
      if (text !== "") yield text;
    }
  }

  return {
    take: (chunk) => written(frames.feed(chunk)),
    async *end() {
      yield* written(frames.finish());
      writer.end();
      yield* texts();
    },
    close: () => frames.close(),
  };
}

/**
 * A log that is read from one end to the other, and again here and there for held events. These are
 * mostly what was read last, which is returned from memory.
 */
class LogOnce implements Pick<LogReader, "stat" | "read"> {
  readonly #reader: Pick<LogReader, "stat" | "read">;
  readonly #readable: ReadableLog;
  #last: { readonly start: number; readonly bytes: Uint8Array<ArrayBuffer> } | null = null;

  constructor(reader: Pick<LogReader, "stat" | "read">, readable: ReadableLog) {
    this.#reader = reader;
    this.#readable = readable;
  }

  /** The log at the time of the request. */
  stat(): Promise<LogStat> {
    return Promise.resolve(this.#readable.stat);
  }

  read(key: SessionKey, range: ReadOptions): ReadableStream<Uint8Array<ArrayBuffer>> {
    const { start = 0, end = Infinity } = range;
    const last = this.#last;
    if (!last || start < last.start || end > last.start + last.bytes.length)
      return this.#reader.read(key, range);
    const bytes = last.bytes.slice(start - last.start, end - last.start);
    return new ReadableStream({
      start(controller) {
        controller.enqueue(bytes);
        controller.close();
      },
    });
  }

  /** The events as readers see them, in chunks that never go beyond the end of a line. */
  async *lines(key: SessionKey): AsyncGenerator<LogChunk> {
    const { stat, from } = this.#readable;
    const place: LogPlace = { log: "raw", logId: stat.logId };
    const range = { logId: stat.logId, start: from, end: stat.end.raw };
    let start = from;
    for await (const chunk of this.#reader.read(key, range)) {
      this.#last = { start, bytes: chunk };
      for (let at = 0; at < chunk.length;) {
        const lineEnd = chunk.indexOf(LF, at) + 1 || chunk.length;
        const bytes = chunk.subarray(at, lineEnd);
        yield { place, start, end: start + bytes.length, bytes, isFramed: false };
        start += bytes.length;
        at = lineEnd;
      }
    }
  }
}
