import type { LogReader, SessionKey } from "../ports/log-store.ts";
import { concatBytes } from "../stream/concat.ts";
import { readShown, type ShownLog } from "./legacy/read-shown.ts";
import { MarkdownWriter } from "./markdown.ts";

/** A longer line is noted instead of shown: it has to be parsed whole. */
const MAX_LINE_BYTES = 8 * 1024 * 1024;
const LF = 10;

/** A session as a conversation in Markdown, piece by piece. */
export async function* exportMarkdown(
  reader: Pick<LogReader, "stat" | "read">,
  key: SessionKey,
  shown: ShownLog | null,
): AsyncGenerator<string> {
  const writer = new MarkdownWriter();
  yield writer.title(key.project, key.session);
  if (!shown) return;
  const decoder = new TextDecoder();
  for await (const line of linesOf(reader, key, shown)) {
    if (line === null) yield "\n> An event is too large to be shown here.\n";
    else yield writer.push(parse(decoder.decode(line)));
  }
  yield writer.end();
}

/** The lines of a raw log; null for one that is too long. */
async function* linesOf(
  reader: Pick<LogReader, "stat" | "read">,
  key: SessionKey,
  { stat: { logId, end }, from: shownFrom }: ShownLog,
): AsyncGenerator<Uint8Array | null> {
  const range = { logId, start: shownFrom, end: end.raw };
  const chunks = (await readShown(reader, key, range)).getReader();
  let pieces: Uint8Array[] = [];
  let bytes = 0;
  try {
    for (;;) {
      const { value, done } = await chunks.read();
      if (done) return;
      for (let from = 0; from < value.length;) {
        const at = value.indexOf(LF, from);
        const piece = value.subarray(from, at === -1 ? value.length : at);
        bytes += piece.length;
        if (bytes <= MAX_LINE_BYTES) pieces.push(piece);
        else pieces = [];
        if (at === -1) break;
        yield bytes <= MAX_LINE_BYTES ? concatBytes(pieces) : null;
        pieces = [];
        bytes = 0;
        from = at + 1;
      }
    }
  } finally {
    await chunks.cancel();
  }
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return null;
  }
}
