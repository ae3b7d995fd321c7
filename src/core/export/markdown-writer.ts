import { atOnce, type Steps } from "../../stream/sync/steps.ts";
import { MAX_FENCED_CHARS, note } from "./markdown.ts";
import {
  changedMessage,
  customNote,
  errorNote,
  outcomeNotes,
  RELEASED,
  UNSHOWN,
} from "./markdown-notes.ts";
import { activityPiece, callPiece, textPiece } from "./markdown-pieces.ts";
import { MarkdownText, type Results } from "./markdown-text.ts";
import type { ParsedEvent } from "../profile/repair/parsed-event.ts";
import { FrameWriter } from "../profile/frame-writer.ts";
import type { Message, ToolCall } from "../profile/repair/repair-message.ts";
import type { MessageList } from "../profile/client-view/message-list.ts";
import type { Entry } from "../profile/client-view/message-order.ts";
import { hiddenMessageOf } from "../profile/hidden-message.ts";
import { SeenTexts } from "./seen-texts.ts";

export interface MarkdownWriterOptions {
  /** The messages that a client holds by now. Kept small: written ones are released. */
  readonly messages: MessageList;
  /** The events that opened what is open. */
  readonly openers: () => readonly ParsedEvent[];
}

/** When a message was last compared. */
interface Looked {
  /** How often it had changed by then. */
  readonly changes: number;
  /** How many had been compared before it. */
  readonly count: number;
}

/** Most characters of messages that are held before their run has ended. */
const MAX_HELD_CHARS = 4 * 1024 * 1024;
/** Characters of written messages that are kept for events that change them or belong to them. */
const KEPT_CHARS = 512 * 1024;
const KEPT_MESSAGES = 64;
/** Most notes of one run; further ones are counted. */
const MAX_NOTES = 100;
const DUE: Uint8Array<ArrayBuffer> = new Uint8Array(1);
const NOTHING: ReadonlySet<string> = new Set();

/**
 * Writes a session as Markdown from what a client of the standard is sent: where a run ends, the
 * messages that the client has got and that are not written yet, each in its state by then; a
 * message that has changed since is written again, with a note. Where a run makes more than can be
 * held, closed messages are written before the run's end, and a text that goes on is written in
 * parts.
 */
export class MarkdownWriter extends FrameWriter {
  readonly #options: MarkdownWriterOptions;
  readonly #seen = new SeenTexts();
  readonly #looked = new WeakMap<Entry, Looked>();
  #lookedCount = 0;
  readonly #text = new MarkdownText(this.#seen);
  #notes: string[] = [];
  #notesLeftOut = 0;
  /** The notes of the run that ended last on what the session waits for. */
  #lastNotes = "";

  constructor(options: MarkdownWriterOptions) {
    super();
    this.#options = options;
    // no frames are made
    this.isMuted = true;
  }

  /** The text to be written since the last call, in small parts. */
  takeText(): Generator<string, void, undefined> {
    return this.#text.take();
  }

  /** Something when text should be taken, so that no more of it is held. */
  // oxlint-disable-next-line require-yield -- it makes no frames, which would take steps
  override *takeInSteps(): Steps<Uint8Array<ArrayBuffer> | null> {
    return this.#text.isDue ? DUE : null;
  }

  override event(line: ParsedEvent): void {
    const type = line.text("type") ?? "";
    if (type === "RUN_FINISHED") this.#runFinishes(line);
    else if (type === "RUN_ERROR") this.#runFails(line);
    else if (type === "CUSTOM") this.note(customNote(line));
    if (this.#isOfReleased(type, line)) this.note(RELEASED);
    const hidden = type === "RAW" ? atOnce(hiddenMessageOf(type, line)) : null;
    if (hidden !== null) this.#seen.meet(`hidden ${hidden}`);
    if (this.#options.messages.chars > MAX_HELD_CHARS) this.#relieve();
  }

  /** Notes an event over which something failed. */
  failed(): void {
    this.note(UNSHOWN);
  }

  /** Writes all messages as they are, since the effect of the next event cannot be known. */
  beforeLoss(): void {
    this.#writeAll(NOTHING);
    this.#text.begin(this.#openIds());
    this.#text.note(UNSHOWN);
  }

  /** Adds a note at the end of the run. */
  note(text: string | null): void {
    if (text === null || this.#notes.at(-1) === text) return;
    if (this.#notes.length < MAX_NOTES) this.#notes.push(text);
    else this.#notesLeftOut++;
  }

  /** Writes the rest. */
  end(): void {
    this.#runEnds([]);
  }

  #runFinishes(line: ParsedEvent): void {
    const notes = outcomeNotes(line.json("outcome"));
    // a synthetic run that sends the rest repeats what the session waits for
    const isAgain =
      line.text("runId")?.startsWith("runlog-") === true && notes.join() === this.#lastNotes;
    this.#lastNotes = notes.join();
    this.#runEnds(isAgain ? [] : notes);
  }

  #runFails(line: ParsedEvent): void {
    const message = line.text("message") ?? "";
    const isCut = line.text("code") === "runlog-run-cut";
    // an error that the run went on after, and that was its last nevertheless
    this.#notes = this.#notes.filter((text) => text !== errorNote(message));
    this.#runEnds([isCut ? note("The run has not ended", "") : note("Run failed", message)]);
  }

  #runEnds(notes: readonly string[]): void {
    this.#writeAll(NOTHING);
    for (const text of notes) this.note(text);
    for (const text of this.#notes) this.#text.note(text);
    if (this.#notesLeftOut > 0) this.#text.note(note("More notes", String(this.#notesLeftOut)));
    this.#notes = [];
    this.#notesLeftOut = 0;
    this.#text.endRun();
    this.#keepLatest();
  }

  /** Releases messages that are all written, except for those that have changed last. */
  #keepLatest(): void {
    const { messages } = this.#options;
    const all = messages.entries;
    // not for every run that is short
    if (all.length < 2 * KEPT_MESSAGES && messages.chars < 2 * KEPT_CHARS) return;
    const first = this.#lookedCount - KEPT_MESSAGES;
    const latest = new Set<Entry>();
    let chars = 0;
    for (const entry of all) {
      if ((this.#looked.get(entry)?.count ?? 0) < first) continue;
      chars += entry.chars;
      if (chars <= KEPT_CHARS) latest.add(entry);
    }
    messages.retain((entry) => latest.has(entry));
  }

  /** The open items, as `Piece.id` names them. */
  #openIds(): ReadonlySet<string> {
    const open = new Set<string>();
    for (const opener of this.#options.openers()) {
      const call = opener.text("toolCallId");
      open.add(call === null ? `message ${opener.text("messageId")}` : `call ${call}`);
    }
    return open;
  }

  /** Writes closed messages, and the long ones of the rest; then releases them. */
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

  /**
   * Whether events may still add to the text: of several messages of one id they add to the first.
   */
  #isOpenText(entry: Entry, open: ReadonlySet<string>): boolean {
    const { id } = entry.message;
    return open.has(`message ${id}`) && this.#options.messages.entryOf(id) === entry;
  }

  /** Keeps the open parts of a message, without their long texts, which are written. */
  #shorten(entry: Entry, open: ReadonlySet<string>, maxChars: number): void {
    const { message } = entry;
    const shortened: Message = { ...message };
    const { content, toolCalls } = message;
    if (typeof content === "string" && content.length > maxChars) {
      if (this.#isOpenText(entry, open)) this.#text.piece(textPiece(message));
      this.#text.begin([`message ${message.id}`]);
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
    this.#text.piece(callPiece(call, []));
    this.#text.begin([`call ${call.id}`], length > MAX_FENCED_CHARS);
    return { ...call, function: { ...call.function, arguments: "" } };
  }

  /** Writes all messages that are not written, except for those that wait. */
  #writeAll(waiting: ReadonlySet<string>): void {
    const { messages } = this.#options;
    const copies = messages.hasCopies ? new Copies() : null;
    const changed = messages.entries.flatMap((entry) => {
      const copy = copies?.next(entry.message.id) ?? 0;
      const isDue = this.#isChanged(entry) && !this.#isHidden(entry.message);
      return isDue ? [{ entry, copy }] : [];
    });
    const results: Results = new Map();
    for (const { entry, copy } of changed) {
      const { message } = entry;
      if (message.role === "tool") this.#result(message, results);
      else if (message.role === "activity") this.#text.piece(activityPiece(message), copy);
      else {
        if (this.#isOpenText(entry, waiting)) this.#looked.delete(entry);
        else this.#text.piece(textPiece(message), copy);
        for (const call of message.toolCalls ?? []) {
          if (waiting.has(`call ${call.id}`)) this.#looked.delete(entry);
          else this.#text.call(call, results);
        }
      }
    }
  }

  #result(given: Message, results: Results): void {
    const message = { ...given };
    const id = message.toolCallId ?? "";
    const same = results.get(id);
    if (same) same.add(message);
    else results.set(id, new Set([message]));
    this.#text.result(message, this.#options.messages.callName(id), results);
  }

  /** Whether the message has changed since this was last called for it. */
  #isChanged(entry: Entry): boolean {
    const { changes } = entry;
    if (this.#looked.get(entry)?.changes === changes) return false;
    this.#looked.set(entry, { changes, count: this.#lookedCount++ });
    return true;
  }

  /**
   * Whether the event changes a released message, of which only the fact that it was written is
   * kept.
   */
  #isOfReleased(type: string, line: ParsedEvent): boolean {
    const id = changedMessage(type, line);
    const isHere = id === null || this.#options.messages.find(id) !== null;
    return !isHere && this.#seen.has(`message ${id}`);
  }

  #isHidden({ id, metadata }: Message): boolean {
    return metadata?.["hidden"] === true || this.#seen.has(`hidden ${id}`);
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
