import { RunlogError } from "../ports/errors.ts";
import type { LogReader, SessionKey } from "../ports/log-store.ts";
import { createByteBudget } from "../stream/byte-budget.ts";
import { createLoopTurns } from "../stream/loop-turns.ts";
import type { LogPlace } from "./cursor.ts";
import { readShown, type ShownLog } from "./legacy/read-shown.ts";
import type { LogChunk } from "./log-reader.ts";
import { MarkdownWriter } from "./markdown-writer.ts";
import { MAX_EVENT_BYTES } from "./profile/frame-writer.ts";
import { MessageList } from "./profile/message-list.ts";
import { ProfileReader } from "./profile/profile-reader.ts";
import { ProfileStream } from "./profile/profile-stream.ts";

/** Of each turn of the event loop so much is for an export, in ms. */
const TURN_MS = 5;
const LF = 10;

/**
 * A session as a conversation in Markdown (PROTOCOL.md, Markdown), piece by piece: the log is read as
 * for a client of the AG-UI standard, and what that client holds is written where a run ends. Memory
 * is bounded whatever the log's length: by the largest event and what `MarkdownWriter` holds.
 */
export async function* exportMarkdown(
  reader: Pick<LogReader, "stat" | "read">,
  key: SessionKey,
  shown: ShownLog | null,
): AsyncGenerator<string> {
  yield `# ${key.project}/${key.session}\n`;
  if (!shown) return;
  const abort = new AbortController();
  const conversation = createConversation(reader, key, abort.signal);
  try {
    for await (const chunk of linesOf(reader, key, shown)) yield* conversation.take(chunk);
    yield* conversation.end();
  } finally {
    abort.abort();
    conversation.close();
  }
}

interface Conversation {
  /** Takes a line, or a part of one; yields what there is to be written by then. */
  take(chunk: LogChunk): AsyncGenerator<string, void, undefined>;
  end(): AsyncGenerator<string, void, undefined>;
  close(): void;
}

function createConversation(
  store: Pick<LogReader, "stat" | "read">,
  key: SessionKey,
  signal: AbortSignal,
): Conversation {
  const turns = createLoopTurns({ turnMs: TURN_MS });
  // the writer sees to it that they do not become too many
  const messages = new MessageList({ limitChars: Infinity, room: { tryGrow: () => true } });
  const writer: MarkdownWriter = new MarkdownWriter({
    messages,
    openers: () => profile.items.open.openers,
  });
  const threadId = key.session;
  const profile: ProfileStream = new ProfileStream({ dialect: "1.0", threadId, writer, messages });
  const lineBudget = createByteBudget(MAX_EVENT_BYTES);
  const frames = new ProfileReader({ key, store, profile, writer, lineBudget, signal });

  async function* written(feeding: AsyncGenerator): AsyncGenerator<string, void> {
    try {
      while (!(await turns.run(() => feeding.next())).done) yield writer.takeText();
    } catch (error) {
      // one event must not be the end of all others; a store that fails is
      if (error instanceof RunlogError) throw error;
      writer.failed();
    }
    // the writer looks at the messages themselves: nothing has to be sent for their sake
    profile.restated();
    if (writer.take()) yield writer.takeText();
  }

  return {
    take: (chunk) => written(frames.feed(chunk)),
    async *end() {
      yield* written(frames.finish());
      writer.end();
      yield writer.takeText();
    },
    close: () => frames.close(),
  };
}

/** The events as readers see them: chunks of which none goes beyond the end of a line. */
async function* linesOf(
  reader: Pick<LogReader, "stat" | "read">,
  key: SessionKey,
  { stat: { logId, end }, from }: ShownLog,
): AsyncGenerator<LogChunk> {
  const place: LogPlace = { log: "raw", logId };
  const chunks = (await readShown(reader, key, { logId, start: from, end: end.raw })).getReader();
  let start = from;
  try {
    for (;;) {
      const { value, done } = await chunks.read();
      if (done) return;
      for (let at = 0; at < value.length;) {
        const lineEnd = value.indexOf(LF, at) + 1 || value.length;
        const bytes = value.subarray(at, lineEnd);
        yield { place, start, end: start + bytes.length, bytes, isFramed: false };
        start += bytes.length;
        at = lineEnd;
      }
    }
  } finally {
    await chunks.cancel();
  }
}
