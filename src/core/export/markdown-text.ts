import { hashText } from "../model/posted-message-ids.ts";
import { callPiece, type Piece, resultIdentity, resultPiece } from "./markdown-pieces.ts";
import type { Message, ToolCall } from "../profile/repair/repair-message.ts";
import type { SeenTexts } from "./seen-texts.ts";

/** Results of tool calls that are not written yet, by the calls' ids. */
export type Results = Map<string, Set<Message>>;

type Parts = Iterable<string>;

/** About so long, in characters, are the texts that are taken out. */
const TEXT_CHARS = 16 * 1024;
/** Most earlier pieces that are compared with one. */
const PIECES_AT_ONCE = 64;
/** Characters of a content that are hashed at once. */
const HASHED_CHARS = 256 * 1024;

/**
 * The text of a session's Markdown. Pieces are put into a queue in their current state, and become
 * text when they are taken out: in small parts, so that other tasks need not wait for a large one.
 */
export class MarkdownText {
  readonly #seen: SeenTexts;
  #queue: (() => Parts)[] = [];
  /** Open items of which a part is written, by `Piece.id`. */
  readonly #begun = new Set<string>();
  /** Calls among them that are too long to be written completely. */
  readonly #cut = new Set<string>();
  /** The role of the section that was written last. */
  #section: string | null = null;
  /** Whether a line has to separate the next text from the run before it. */
  #isBreakDue = false;
  #isBlank = true;

  constructor(seen: SeenTexts) {
    this.#seen = seen;
  }

  get isDue(): boolean {
    return this.#queue.length > 0;
  }

  /** Queues a piece; of several messages of one id, `copy` numbers those after the first. */
  piece(piece: Piece | null, copy = 0): void {
    if (piece) this.#queue.push(() => this.#writePiece(piece, copy));
  }

  /** Queues a call, with the results that it is the first to have. */
  call(call: ToolCall, results: Results): void {
    const copy = { ...call, function: { ...call.function } };
    this.#queue.push(() => this.#writeCall(copy, results));
  }

  /** Queues a result, unless its call has it. */
  result(message: Message, name: string | null, results: Results): void {
    const piece = resultPiece(message, name);
    const isLeft = (): boolean => results.get(message.toolCallId ?? "")?.has(message) ?? false;
    this.#queue.push(() => (isLeft() ? this.#writePiece(piece, 0) : []));
  }

  note(text: string): void {
    this.#queue.push(() => this.#write([text]));
  }

  /** Records that these are not written completely; calls that are `cut` are written no further. */
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

  /** The text to be written, in parts; one may be empty. */
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

  /** Whether the piece is to be written. An open item may have equal parts. */
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
