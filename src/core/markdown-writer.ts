import { isObject, type JsonObject } from "./json-fields.ts";
import { MAX_FENCED_CHARS, note } from "./markdown.ts";
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
import { hiddenMessageOf } from "./profile/run-items.ts";
import { SeenTexts } from "./seen-texts.ts";

export interface MarkdownWriterOptions {
  /** What a client holds by now. It is kept small: what was written is let go. */
  readonly messages: MessageList;
  /** The events that opened what is open. */
  readonly openers: () => readonly EventLine[];
}

/** What tells whether a message has changed. */
interface Looked {
  readonly message: Message;
  readonly chars: number;
  readonly names: string;
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

/**
 * Writes a session as Markdown from what a client of the standard is sent: where a run ends, the
 * messages that the client has got and that are not written yet, each as it is by then; what has
 * changed since is written again, and says so. Where a run makes more than can be held, what is
 * closed is written before the run's end, and a text that goes on is written in parts.
 */
export class MarkdownWriter extends FrameWriter {
  readonly #options: MarkdownWriterOptions;
  readonly #seen = new SeenTexts();
  /** Messages as they were when they were last looked at, by id. */
  readonly #looked = new Map<string, Looked>();
  /** Open items of which a part is written. */
  readonly #begun = new Set<string>();
  #out: string[] = [];
  #outChars = 0;
  #notes: string[] = [];
  #notesLeftOut = 0;
  /** What the run that ended last was said to wait for. */
  #lastNotes = "";
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
    if (type === "RUN_FINISHED") this.#runFinishes(line);
    else if (type === "RUN_ERROR") this.#runFails(line);
    else if (type === "CUSTOM") this.#custom(line);
    const hidden = hiddenMessageOf(type, line);
    if (hidden !== null) this.#seen.meet(`hidden ${hidden}`);
    if (this.#options.messages.chars > MAX_HELD_CHARS) this.#relieve();
  }

  /** An event that could not be dealt with. */
  failed(): void {
    this.note(note("An event cannot be shown", ""));
  }

  /** Says something at the end of the run. */
  note(text: string): void {
    if (this.#notes.at(-1) === text) return;
    if (this.#notes.length < MAX_NOTES) this.#notes.push(text);
    else this.#notesLeftOut++;
  }

  /** Writes what is left. */
  end(): void {
    this.#runEnds([]);
  }

  #custom(line: EventLine): void {
    const value = line.json("value");
    if (!isObject(value)) return;
    const { message, size, type } = value;
    switch (line.text("name")) {
      case "runlog:run-error":
        return this.note(errorNote(String(message)));
      case "runlog:large-event":
      case "runlog:event-too-large": {
        const of = typeof type === "string" ? ` (${type})` : "";
        return this.note(note("An event is too large to be shown", `${String(size)} bytes${of}`));
      }
      case "runlog:left-out":
        return this.note(note("Left out", `${String(value["count"])} events or messages`));
      default:
        return;
    }
  }

  #runFinishes(line: EventLine): void {
    const notes = outcomeNotes(line.json("outcome"));
    // a run that tells what is left says again what the session waits for
    const isAgain =
      line.text("runId")?.startsWith("runlog-") === true && notes.join() === this.#lastNotes;
    this.#lastNotes = notes.join();
    this.#runEnds(isAgain ? [] : notes);
  }

  #runFails(line: EventLine): void {
    const message = line.text("message") ?? "";
    const isCut = line.text("code") === "runlog-run-cut";
    // an error that the run went on behind, and that was its last all the same
    this.#notes = this.#notes.filter((text) => text !== errorNote(message));
    this.#runEnds([isCut ? note("The run has not ended", "") : note("Run failed", message)]);
  }

  #runEnds(notes: readonly string[]): void {
    this.#writeAll(() => false);
    for (const text of notes) this.note(text);
    for (const text of this.#notes) this.#write(text);
    if (this.#notesLeftOut > 0) this.#write(note("More notes", String(this.#notesLeftOut)));
    this.#notes = [];
    this.#notesLeftOut = 0;
    this.#begun.clear();
    this.#isBreakDue = !this.#isBlank;
    this.#section = null;
    this.#keepLatest();
  }

  /** Lets go of messages that are all written, but for the latest. */
  #keepLatest(): void {
    const { messages } = this.#options;
    const all = messages.messages;
    // not for every run that is short
    if (all.length < 2 * KEPT_MESSAGES && messages.chars < 2 * KEPT_CHARS) return;
    let chars = 0;
    const kept = all
      .slice(-KEPT_MESSAGES)
      .toReversed()
      .filter(({ id }) => {
        chars += messages.entryOf(id)?.chars ?? 0;
        return chars <= KEPT_CHARS;
      });
    const ids = new Set(kept.map(({ id }) => id));
    this.#retain(({ id }) => ids.has(id));
  }

  #retain(isKept: (message: Message) => boolean): void {
    const { messages } = this.#options;
    messages.retain(isKept);
    for (const id of this.#looked.keys()) if (!messages.entryOf(id)) this.#looked.delete(id);
  }

  /** Writes what is closed, and of the rest what is long; then lets go of it. */
  #relieve(): void {
    const { messages, openers } = this.#options;
    const open = new Set<string>();
    for (const opener of openers()) {
      const call = opener.text("toolCallId");
      open.add(call === null ? `message ${opener.text("messageId")}` : `call ${call}`);
    }
    const isOpen = (id: string): boolean => open.has(id);
    this.#writeAll(isOpen);
    this.#retain(
      ({ id, toolCalls = [] }) =>
        isOpen(`message ${id}`) || toolCalls.some((call) => isOpen(`call ${call.id}`)),
    );
    for (const message of messages.messages) this.#shorten(message, isOpen, MAX_FENCED_CHARS);
    // a great many that are short
    if (messages.chars <= MAX_HELD_CHARS / 2) return;
    for (const message of messages.messages) this.#shorten(message, isOpen, 0);
    if (messages.chars > MAX_HELD_CHARS / 2) this.#retain(() => false);
  }

  /** Leaves of a message what is open, without what is long of that: it is written. */
  #shorten(message: Message, isOpen: (id: string) => boolean, maxChars: number): void {
    const { messages } = this.#options;
    const entry = messages.entryOf(message.id);
    if (!entry) return;
    const shortened: Message = { ...message };
    const { content, toolCalls } = message;
    if (typeof content === "string" && content.length > maxChars) {
      if (isOpen(`message ${message.id}`)) this.#writePiece(textPiece(message));
      this.#begun.add(`message ${message.id}`);
      shortened.content = "";
    }
    if (toolCalls)
      shortened.toolCalls = toolCalls
        .filter(({ id }) => isOpen(`call ${id}`))
        .map((call) => this.#shortenCall(call, maxChars));
    messages.replace(entry, shortened);
  }

  #shortenCall(call: ToolCall, maxChars: number): ToolCall {
    if (call.function.arguments.length <= maxChars) return call;
    // the rest of it would be cut off anyway, or it is one of too many
    this.#writePiece(callPiece(call, []));
    this.#begun.add(`call ${call.id}`);
    return { ...call, function: { ...call.function, arguments: "" } };
  }

  /** Writes what is not written of the messages, but for what waits. */
  #writeAll(isWaiting: (id: string) => boolean): void {
    const { messages } = this.#options;
    const changed = messages.messages.filter((message) => this.#isChanged(message));
    const results = new Map<string, Message[]>();
    for (const message of changed) {
      if (message.role !== "tool" || this.#isHidden(message)) continue;
      const id = message.toolCallId ?? "";
      const same = results.get(id);
      if (same) same.push(message);
      else results.set(id, [message]);
    }
    for (const message of changed) {
      if (this.#isHidden(message)) continue;
      if (message.role === "tool") {
        for (const result of results.get(message.toolCallId ?? "") ?? [])
          if (result === message) this.#result(message);
      } else if (message.role === "activity") {
        this.#writePiece(activityPiece(message));
      } else {
        if (isWaiting(`message ${message.id}`)) this.#looked.delete(message.id);
        else this.#writePiece(textPiece(message));
        for (const call of message.toolCalls ?? []) {
          if (isWaiting(`call ${call.id}`)) this.#looked.delete(message.id);
          else this.#call(call, results);
        }
      }
    }
  }

  /** A call with the results that have come, which are none of their own then. */
  #call(call: ToolCall, results: Map<string, Message[]>): void {
    const piece = callPiece(call, []);
    if (this.#begun.has(piece.id) || this.#isWritten(piece)) return;
    const own = (results.get(call.id) ?? []).filter((result) => {
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
  #isChanged(message: Message): boolean {
    const chars = this.#options.messages.entryOf(message.id)?.chars ?? 0;
    const names = message.toolCalls?.map((call) => call.function.name).join() ?? "";
    const before = this.#looked.get(message.id);
    if (before?.message === message && before.chars === chars && before.names === names)
      return false;
    this.#looked.set(message.id, { message, chars, names });
    return true;
  }

  #isHidden({ id, metadata }: Message): boolean {
    return metadata?.["hidden"] === true || this.#seen.has(`hidden ${id}`);
  }

  #isWritten({ id, content }: Piece): boolean {
    return this.#seen.has(`${id}\n${content}`);
  }

  #writePiece(piece: Piece | null): void {
    if (!piece || this.#seen.meet(`${piece.id}\n${piece.content}`)) return;
    const isKnown = this.#seen.meet(piece.id);
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

/** What there is to say of a run's end that was no error. */
function outcomeNotes(outcome: unknown): string[] {
  if (!isObject(outcome)) return [];
  if (outcome["type"] === "cancelled") return [note("The run was cancelled", "")];
  const { interrupts } = outcome;
  if (outcome["type"] !== "interrupt" || !Array.isArray(interrupts)) return [];
  return interrupts.filter(isObject).map(interruptNote);
}

function interruptNote({ message, reason }: JsonObject): string {
  const said = [message, reason].find((text) => typeof text === "string");
  return note("Waiting for an answer", said ?? "");
}

function errorNote(message: string): string {
  return note("Error", message);
}
