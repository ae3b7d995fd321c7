import { MAX_FENCED_CHARS, note } from "./markdown.ts";
import {
  changedMessage,
  customNote,
  errorNote,
  outcomeNotes,
  RELEASED,
  UNSHOWN,
} from "./markdown-notes.ts";
import {
  activityPiece,
  callPiece,
  type Piece,
  resultIdentity,
  resultPiece,
  textPiece,
} from "./markdown-pieces.ts";
import { EventLine } from "./profile/event-line.ts";
import { FrameWriter } from "./profile/frame-writer.ts";
import type { Message, ToolCall } from "./profile/mend-message.ts";
import type { MessageList } from "./profile/message-list.ts";
import type { Entry } from "./profile/message-order.ts";
import { hiddenMessageOf } from "./profile/run-items.ts";
import { SeenTexts } from "./seen-texts.ts";

export interface MarkdownWriterOptions {
  /** What a client holds by now. It is kept small: what was written is let go. */
  readonly messages: MessageList;
  /** The events that opened what is open. */
  readonly openers: () => readonly EventLine[];
}

/** When a message was looked at. */
interface Looked {
  /** How often it had changed by then. */
  readonly changes: number;
  /** How many had been looked at before it. */
  readonly count: number;
}

/** Characters of messages that are held before their run has ended. */
const MAX_HELD_CHARS = 4 * 1024 * 1024;
/** Of what was written, so much is kept for events that change it or belong to it. */
const KEPT_CHARS = 512 * 1024;
const KEPT_MESSAGES = 64;
/** Notes of one run; more are counted. */
const MAX_NOTES = 100;
/** Text that has been taken out no later than this. */
const PIECE_CHARS = 64 * 1024;
const DUE: Uint8Array<ArrayBuffer> = new Uint8Array(1);
const NOTHING: ReadonlySet<string> = new Set();

/**
 * Writes a session as Markdown from what a client of the standard is sent: where a run ends, the
 * messages that the client has got and that are not written yet, each as it is by then; what has
 * changed since is written again, and says so. Where a run makes more than can be held, what is
 * closed is written before the run's end, and a text that goes on is written in parts.
 */
export class MarkdownWriter extends FrameWriter {
  readonly #options: MarkdownWriterOptions;
  readonly #seen = new SeenTexts();
  readonly #looked = new WeakMap<Entry, Looked>();
  #lookedCount = 0;
  /** Open items of which a part is written. */
  readonly #begun = new Set<string>();
  /** Calls among them that are too long to be shown whole. */
  readonly #cut = new Set<string>();
  #out: string[] = [];
  #outChars = 0;
  #notes: string[] = [];
  #notesLeftOut = 0;
  /** Whose section was written last, and whether text stands in it. */
  #section: { readonly role: string; readonly hasText: boolean } | null = null;
  /** Whether a line has to part what comes from the run before it. */
  #isBreakDue = false;
  #isBlank = true;

  constructor(options: MarkdownWriterOptions) {
    super();
    this.#options = options;
    // no frames are made
    this.isMuted = true;
  }

  /** What was written since the last call. */
  takeText(): string {
    const text = this.#out.join("");
    this.#out = [];
    this.#outChars = 0;
    return text;
  }

  /** Something when text should be taken, so that no more of it is held. */
  override take(): Uint8Array<ArrayBuffer> | null {
    return this.#outChars > PIECE_CHARS ? DUE : null;
  }

  override event(bytes: Uint8Array<ArrayBuffer>): void {
    const line = EventLine.read(bytes);
    if (!line) return;
    const type = line.text("type") ?? "";
    if (type === "RUN_FINISHED") this.#runEnds(outcomeNotes(line.json("outcome")));
    else if (type === "RUN_ERROR") this.#runFails(line);
    else if (type === "CUSTOM") this.note(customNote(line));
    if (this.#isOfReleased(type, line)) this.note(RELEASED);
    const hidden = hiddenMessageOf(type, line);
    if (hidden !== null) this.#seen.meet(`hidden ${hidden}`);
    if (this.#options.messages.chars > MAX_HELD_CHARS) this.#relieve();
  }

  /** An event that could not be dealt with. */
  failed(): void {
    this.note(UNSHOWN);
  }

  /** Writes all messages as they are: what the next event makes of them nobody knows. */
  beforeLoss(): void {
    this.#writeAll(NOTHING);
    for (const id of this.#openIds()) this.#begun.add(id);
    this.#write(UNSHOWN);
  }

  /** Says something at the end of the run. */
  note(text: string | null): void {
    if (text === null || this.#notes.at(-1) === text) return;
    if (this.#notes.length < MAX_NOTES) this.#notes.push(text);
    else this.#notesLeftOut++;
  }

  /** Writes what is left. */
  end(): void {
    this.#runEnds([]);
  }

  #runFails(line: EventLine): void {
    const message = line.text("message") ?? "";
    const isCut = line.text("code") === "runlog-run-cut";
    // an error that the run went on behind, and that was its last all the same
    this.#notes = this.#notes.filter((text) => text !== errorNote(message));
    this.#runEnds([isCut ? note("The run has not ended", "") : note("Run failed", message)]);
  }

  #runEnds(notes: readonly string[]): void {
    this.#writeAll(NOTHING);
    for (const text of notes) this.note(text);
    for (const text of this.#notes) this.#write(text);
    if (this.#notesLeftOut > 0) this.#write(note("More notes", String(this.#notesLeftOut)));
    this.#notes = [];
    this.#notesLeftOut = 0;
    this.#begun.clear();
    this.#cut.clear();
    this.#isBreakDue = !this.#isBlank;
    this.#section = null;
    this.#keepLatest();
  }

  /** Lets go of messages that are all written, but for those that have changed last. */
  #keepLatest(): void {
    const { messages } = this.#options;
    const all = messages.entries;
    // not for every run that is short
    if (all.length < 2 * KEPT_MESSAGES && messages.chars < 2 * KEPT_CHARS) return;
    const countOf = (entry: Entry): number => this.#looked.get(entry)?.count ?? 0;
    let chars = 0;
    const kept = all
      .toSorted((one, other) => countOf(other) - countOf(one))
      .slice(0, KEPT_MESSAGES)
      .filter((entry) => {
        chars += entry.chars;
        return chars <= KEPT_CHARS;
      });
    const latest = new Set(kept);
    messages.retain((entry) => latest.has(entry));
  }

  /** What is open, as `Piece.id` has it. */
  #openIds(): ReadonlySet<string> {
    const open = new Set<string>();
    for (const opener of this.#options.openers()) {
      const call = opener.text("toolCallId");
      open.add(call === null ? `message ${opener.text("messageId")}` : `call ${call}`);
    }
    return open;
  }

  /** Writes what is closed, and of the rest what is long; then lets go of it. */
  #relieve(): void {
    const { messages } = this.#options;
    const open = this.#openIds();
    this.#writeAll(open);
    messages.retain(
      (entry) =>
        this.#isOpenText(entry, open) ||
        (entry.message.toolCalls?.some(({ id }) => open.has(`call ${id}`)) ?? false),
    );
    for (const entry of messages.entries) this.#shorten(entry, open, MAX_FENCED_CHARS);
    // a great many that are short
    if (messages.chars <= MAX_HELD_CHARS / 2) return;
    for (const entry of messages.entries) this.#shorten(entry, open, 0);
    if (messages.chars > MAX_HELD_CHARS / 2) messages.retain(() => false);
  }

  /** Whether events may still add to the text: of several messages of one id they do to the first. */
  #isOpenText(entry: Entry, open: ReadonlySet<string>): boolean {
    const { id } = entry.message;
    return open.has(`message ${id}`) && this.#options.messages.entryOf(id) === entry;
  }

  /** Leaves of a message what is open, without what is long of that: it is written. */
  #shorten(entry: Entry, open: ReadonlySet<string>, maxChars: number): void {
    const { message } = entry;
    const shortened: Message = { ...message };
    const { content, toolCalls } = message;
    if (typeof content === "string" && content.length > maxChars) {
      if (this.#isOpenText(entry, open)) this.#writePiece(textPiece(message));
      this.#begun.add(`message ${message.id}`);
      shortened.content = "";
    }
    if (toolCalls)
      shortened.toolCalls = toolCalls
        .filter(({ id }) => open.has(`call ${id}`))
        .map((call) => this.#shortenCall(call, maxChars));
    this.#options.messages.replace(entry, shortened);
  }

  #shortenCall(call: ToolCall, maxChars: number): ToolCall {
    const { length } = call.function.arguments;
    if (length <= maxChars) return call;
    this.#writePiece(callPiece(call, []));
    this.#begun.add(`call ${call.id}`);
    if (length > MAX_FENCED_CHARS) this.#cut.add(`call ${call.id}`);
    return { ...call, function: { ...call.function, arguments: "" } };
  }

  /** Writes what is not written of the messages, but for what waits. */
  #writeAll(waiting: ReadonlySet<string>): void {
    const { messages } = this.#options;
    const copies = messages.hasCopies ? new Copies() : null;
    const changed = messages.entries.flatMap((entry) => {
      const copy = copies?.next(entry.message.id) ?? 0;
      const isDue = this.#isChanged(entry) && !this.#isHidden(entry.message);
      return isDue ? [{ entry, copy }] : [];
    });
    const results = new Map<string, Set<Message>>();
    for (const { message } of changed.map(({ entry }) => entry)) {
      if (message.role !== "tool") continue;
      const id = message.toolCallId ?? "";
      const same = results.get(id);
      if (same) same.add(message);
      else results.set(id, new Set([message]));
    }
    for (const { entry, copy } of changed) {
      const { message } = entry;
      if (message.role === "tool") {
        if (results.get(message.toolCallId ?? "")?.has(message)) this.#result(message);
      } else if (message.role === "activity") {
        this.#writePiece(activityPiece(message), copy);
      } else {
        if (this.#isOpenText(entry, waiting)) this.#looked.delete(entry);
        else this.#writePiece(textPiece(message), copy);
        for (const call of message.toolCalls ?? []) {
          if (waiting.has(`call ${call.id}`)) this.#looked.delete(entry);
          else this.#call(call, results);
        }
      }
    }
  }

  /** A call with the results that have come, which are none of their own then. */
  #call(call: ToolCall, results: Map<string, Set<Message>>): void {
    const piece = callPiece(call, []);
    const isOver = call.function.arguments === "" && this.#begun.has(piece.id);
    if (isOver || this.#cut.has(piece.id) || this.#isWritten(piece)) return;
    const own = [...(results.get(call.id) ?? [])].filter((result) => {
      const { id, content } = resultIdentity(result);
      return !this.#seen.meet(`${id}\n${content}`);
    });
    results.delete(call.id);
    this.#writePiece(callPiece(call, own));
  }

  #result(message: Message): void {
    const name = this.#options.messages.callName(message.toolCallId ?? "");
    this.#writePiece(resultPiece(message, name));
  }

  /** Whether the message is another than it was when it was last looked at; it is looked at now. */
  #isChanged(entry: Entry): boolean {
    const { changes } = entry;
    if (this.#looked.get(entry)?.changes === changes) return false;
    this.#looked.set(entry, { changes, count: this.#lookedCount++ });
    return true;
  }

  /** Whether the event changes a message of which nothing is held but that it was written. */
  #isOfReleased(type: string, line: EventLine): boolean {
    const id = changedMessage(type, line);
    const isHere = id === null || this.#options.messages.find(id) !== null;
    return !isHere && this.#seen.has(`message ${id}`);
  }

  #isHidden({ id, metadata }: Message): boolean {
    return metadata?.["hidden"] === true || this.#seen.has(`hidden ${id}`);
  }

  #isWritten({ id, content }: Piece): boolean {
    return this.#seen.has(`${id}\n${content}`);
  }

  /** Writes a piece, of several messages of one id that of the one behind `copy` others. */
  #writePiece(piece: Piece | null, copy = 0): void {
    if (!piece || this.#seen.meet(`${piece.id}\n${piece.content}`)) return;
    const isKnown = this.#seen.meet(copy === 0 ? piece.id : `${piece.id}\n${copy}`);
    const changed = this.#begun.has(piece.id) ? " (continued)" : " (changed)";
    const text = piece.write(isKnown ? changed : "");
    const { role, isText } = piece;
    if (!isText && this.#section?.role !== role) this.#write("## Assistant");
    this.#section = { role, hasText: isText };
    this.#write(text);
  }

  #write(text: string): void {
    const parted = this.#isBreakDue ? `\n---\n\n${text}\n` : `\n${text}\n`;
    this.#isBreakDue = false;
    this.#isBlank = false;
    this.#out.push(parted);
    this.#outChars += parted.length;
  }
}

/** Counts the messages of each id. */
class Copies {
  readonly #counts = new Map<string, number>();

  /** How many of this id came before. */
  next(id: string): number {
    const count = this.#counts.get(id) ?? 0;
    this.#counts.set(id, count + 1);
    return count;
  }
}
