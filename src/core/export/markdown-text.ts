import { hashText } from "../model/posted-message-ids.ts";
import { callPiece, type Piece, resultIdentity, resultPiece } from "./markdown-pieces.ts";
import type { Message, ToolCall } from "../profile/repair/repair-message.ts";
import type { SeenTexts } from "./seen-texts.ts";

/** Results of tool calls that are not written yet, by the calls' ids. */
export type Results = Map<string, Set<Message>>;

type Parts = Iterable<string>;

/** About so long are the texts that are taken out. */
const TEXT_CHARS = 16 * 1024;
/** Most pieces that are looked at for one of them. */
const PIECES_AT_ONCE = 64;
/** So much of a content is hashed at once. */
const HASHED_CHARS = 256 * 1024;

/**
 * The text of a session's Markdown. What is to be written is put into a queue, as it is by then, and
 * becomes text when it is taken out: in small parts, so that nobody has to wait for a large one.
 */
export class MarkdownText {
  readonly #seen: SeenTexts;
  #queue: (() => Parts)[] = [];
  /** What is open and of which a part is written, by `Piece.id`. */
  readonly #begun = new Set<string>();
  /** Calls among them that are too long to be shown whole. */
  readonly #cut = new Set<string>();
  /** Whose section was written last. */
  #section: string | null = null;
  /** Whether a line has to part what comes from the run before it. */
  #isBreakDue = false;
  #isBlank = true;

  constructor(seen: SeenTexts) {
    this.#seen = seen;
  }

  get isDue(): boolean {
    return this.#queue.length > 0;
  }

  /** A piece, of several messages of one id that of the one behind `copy` others. */
  piece(piece: Piece | null, copy = 0): void {
    if (piece) this.#queue.push(() => this.#writePiece(piece, copy));
  }

  /** A call, with those of its results that it is the first to have. */
  call(call: ToolCall, results: Results): void {
    const copy = { ...call, function: { ...call.function } };
    this.#queue.push(() => this.#writeCall(copy, results));
  }

  /** A result, unless its call has it. */
  result(message: Message, name: string | null, results: Results): void {
    const piece = resultPiece(message, name);
    const isLeft = (): boolean => results.get(message.toolCallId ?? "")?.has(message) ?? false;
    this.#queue.push(() => (isLeft() ? this.#writePiece(piece, 0) : []));
  }

  note(text: string): void {
    this.#queue.push(() => this.#write([text]));
  }

  /** What was written of these is not all of it; of calls that are `cut` it is all that is shown. */
  begin(ids: Iterable<string>, isCut = false): void {
    const all = [...ids];
    this.#do(() => {
      for (const id of all) {
        this.#begun.add(id);
        if (isCut) this.#cut.add(id);
      }
    });
  }

  endRun(): void {
    this.#do(() => {
      this.#begun.clear();
      this.#cut.clear();
      this.#isBreakDue = !this.#isBlank;
      this.#section = null;
    });
  }

  /** What there is to be written, text by text; one may be empty. */
  *take(): Generator<string, void, undefined> {
    const queue = this.#queue;
    this.#queue = [];
    let text = "";
    for (const [i, parts] of queue.entries()) {
      for (const part of parts()) {
        text += part;
        if (part !== "" && text.length < TEXT_CHARS) continue;
        yield text;
        text = "";
      }
      if (i % PIECES_AT_ONCE !== 0) continue;
      yield text;
      text = "";
    }
    yield text;
  }

  #do(work: () => void): void {
    this.#queue.push(() => {
      work();
      return [];
    });
  }

  *#writeCall(call: ToolCall, results: Results): Parts {
    const piece = callPiece(call, []);
    const { id } = piece;
    const isOver = call.function.arguments === "" && this.#begun.has(id);
    if (isOver || this.#cut.has(id)) return;
    if (!(yield* this.#meet(piece))) return;
    const own: Message[] = [];
    for (const result of results.get(call.id) ?? [])
      if (yield* this.#meet(resultIdentity(result))) own.push(result);
    results.delete(call.id);
    yield* this.#writeNew(callPiece(call, own), 0);
  }

  *#writePiece(piece: Piece, copy: number): Parts {
    if (yield* this.#meet(piece)) yield* this.#writeNew(piece, copy);
  }

  /** Whether the piece is to be written. What goes on may have parts that are alike. */
  *#meet({ id, content }: Pick<Piece, "id" | "content">): Generator<string, boolean, undefined> {
    const text = content();
    let key = `${id}\n`;
    if (text.length <= HASHED_CHARS) key += text;
    else
      for (let at = 0; at < text.length; at += HASHED_CHARS) {
        key += `${hashText(text.slice(at, at + HASHED_CHARS))} `;
        yield "";
      }
    const isKnown = this.#seen.meet(key);
    return !isKnown || this.#begun.has(id);
  }

  *#writeNew(piece: Piece, copy: number): Parts {
    const { id, role, isText } = piece;
    const isKnown = this.#seen.meet(copy === 0 ? id : `${id}\n${copy}`);
    const changed = this.#begun.has(id) ? " (continued)" : " (changed)";
    if (!isText && this.#section !== role) yield* this.#write(["## Assistant"]);
    this.#section = role;
    yield* this.#write(piece.write(isKnown ? changed : ""));
  }

  *#write(parts: Iterable<string>): Parts {
    yield this.#isBreakDue ? "\n---\n\n" : "\n";
    this.#isBreakDue = false;
    this.#isBlank = false;
    yield* parts;
    yield "\n";
  }
}
