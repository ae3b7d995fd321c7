import { parseExact } from "../model/exact-json.ts";
import { isObject, type JsonObject } from "../model/json-fields.ts";
import { EventLine } from "./event-line.ts";
import type { Emit } from "./open-items.ts";
import type { SeenIds } from "./seen-ids.ts";
import { ShortStrings } from "./short-strings.ts";
import { hasOnly, StreamedSince } from "./streamed-since.ts";

/** Longest line that is held to be parsed, in bytes: some milliseconds in one go. */
const MAX_LINE_BYTES = 512 * 1024;

const LF = 10;

/** Events that name no message which was not named before; the ids of phases are none of messages. */
const NAME_NOTHING: ReadonlySet<string> = new Set([
  "TEXT_MESSAGE_CONTENT",
  "TEXT_MESSAGE_END",
  "TOOL_CALL_ARGS",
  "TOOL_CALL_END",
  "REASONING_START",
  "REASONING_MESSAGE_CONTENT",
  "REASONING_MESSAGE_END",
  "REASONING_END",
  "STATE_SNAPSHOT",
  "STATE_DELTA",
  "STEP_STARTED",
  "STEP_FINISHED",
  "CUSTOM",
  "RAW",
]);
/** Members of events that name messages and calls. */
const ID_KEYS = ["messageId", "toolCallId", "parentMessageId", "entityId"];

/**
 * Leaves out MESSAGES_SNAPSHOTs that change nothing for anybody: those of a run after an earlier snapshot, its
 * posted messages for one, that have exactly that snapshot's messages and what the run has streamed since
 * (`StreamedSince`). Everything else passes as it is, in its order.
 *
 * The first snapshot of a run always stays: clients drop at it what it leaves out, all that earlier runs have
 * said above all. What is left out depends on the bytes since the run began and on the ids that the log has
 * named before, and changes neither for what comes later: so a log that went through here once goes through
 * unchanged, and the ids can be had again from it. Memory: some 10 MiB at most, and the ids.
 */
export class RepeatedSnapshots {
  readonly #emit: Emit;
  readonly #seen: SeenIds;
  readonly #line = new EventLine();
  /** Takes every short string of a line for an id. */
  readonly #strings: ShortStrings;
  /** The beginning of a line whose end has not come. */
  #held = new Uint8Array(1024);
  #heldLength = 0;
  #isLong = false;
  /** The open run; null if none is, or if it is unclear which. */
  #runId: string | null = null;
  /** Whether a run is open, clear or not. */
  #isOpen = false;
  /** The run whose snapshot came before it began. */
  #postedFor: string | null = null;
  /** Null while it is not known what clients hold. */
  #since: StreamedSince | null = null;

  constructor(emit: Emit, seen: SeenIds) {
    this.#emit = emit;
    this.#seen = seen;
    this.#strings = new ShortStrings((text) => seen.add(text));
  }

  /** Takes the next bytes, which may break anywhere; emits whole lines, but for long ones. */
  readonly push: Emit = (bytes) => {
    let from = 0;
    while (from < bytes.length) {
      const lf = bytes.indexOf(LF, from);
      const to = lf === -1 ? bytes.length : lf + 1;
      this.#add(bytes.subarray(from, to), lf !== -1);
      from = to;
    }
  };

  /** Ends a span of runs, after a whole line. */
  finish(): void {
    this.#endRun();
  }

  #add(part: Uint8Array, isEnd: boolean): void {
    if (this.#isLong) this.#passLong(part, isEnd);
    else if (this.#heldLength + part.length > MAX_LINE_BYTES) {
      this.#isLong = true;
      this.#strings.reset();
      const held = this.#held.subarray(0, this.#heldLength);
      this.#heldLength = 0;
      if (held.length > 0) this.#passLong(held, false);
      this.#passLong(part, isEnd);
    } else {
      this.#hold(part);
      if (!isEnd) return;
      const length = this.#heldLength;
      this.#heldLength = 0;
      if (!this.#isLeftOut(length - 1)) this.#emit(this.#held.subarray(0, length));
    }
  }

  #hold(part: Uint8Array): void {
    const length = this.#heldLength + part.length;
    if (length > this.#held.length) {
      const larger = new Uint8Array(Math.max(length, this.#held.length * 2));
      larger.set(this.#held.subarray(0, this.#heldLength));
      this.#held = larger;
    }
    this.#held.set(part, this.#heldLength);
    this.#heldLength = length;
  }

  #passLong(part: Uint8Array, isEnd: boolean): void {
    this.#emit(part);
    this.#strings.push(part);
    if (!isEnd) return;
    this.#isLong = false;
    this.#unclear();
  }

  /** Follows the held line up to its LF at `end`. Whether it says nothing new. */
  #isLeftOut(end: number): boolean {
    const line = this.#line;
    const kind = line.read(this.#held, 0, end);
    if (!this.#since && NAME_NOTHING.has(line.type)) return false;
    const event = this.#parse(end);
    if (!event) return false;
    if (kind === "odd" || Object.keys(event).length !== line.memberCount) {
      // which of two members counts is not the same for all
      this.#strings.reset();
      this.#strings.push(this.#held.subarray(0, end));
      this.#unclear();
      return false;
    }
    const isRepeated = this.#follow(line.type, event);
    if (!isRepeated) this.#learn(line.type, event);
    return isRepeated;
  }

  /** The event; null if the line is none, which everybody passes over. */
  #parse(end: number): JsonObject | null {
    try {
      const event = parseExact(this.#held.subarray(0, end));
      return isObject(event) ? event : null;
    } catch {
      return null;
    }
  }

  #follow(type: string, event: JsonObject): boolean {
    const { runId } = event;
    switch (type) {
      case "RUN_STARTED":
        this.#begin(event);
        return false;
      case "RUN_FINISHED":
      case "RUN_ERROR":
        this.#endRun();
        return false;
      case "MESSAGES_SNAPSHOT":
        return this.#snapshot(event);
      default: {
        const isOf = this.#runId === null ? runId === this.#postedFor : this.#isOfRun(event);
        // events before a run's start may belong to others; these change no messages
        const isFree = this.#isOpen || type === "CUSTOM" || type === "RAW";
        if (!isOf || !isFree || !this.#since?.take(type, event)) this.#since = null;
        return false;
      }
    }
  }

  #begin({ runId, run_id: other, input }: JsonObject): void {
    const isClear = !this.#isOpen && typeof runId === "string" && runId !== "";
    if (!isClear || (other !== undefined && other !== runId)) return this.#unclear();
    this.#isOpen = true;
    this.#runId = runId;
    // what an input adds comes after the posted messages, which a snapshot at the end may have before
    const isPosted = this.#postedFor === runId && (input === undefined || this.#hasAll(input));
    if (!isPosted) this.#since = null;
    this.#postedFor = null;
  }

  #hasAll(input: unknown): boolean {
    const messages = isObject(input) ? (input["messages"] ?? []) : null;
    return this.#since?.hasAll(messages) ?? false;
  }

  #endRun(): void {
    this.#isOpen = false;
    this.#runId = null;
    this.#postedFor = null;
    this.#since = null;
  }

  /** From here up to the next end of a run it is not clear which run is open. */
  #unclear(): void {
    this.#endRun();
    this.#isOpen = true;
  }

  #snapshot(event: JsonObject): boolean {
    const { messages, runId } = event;
    const isPlain = hasOnly(event, ["messages"]);
    const isOwn = this.#runId !== null && this.#isOfRun(event);
    if (isPlain && isOwn && this.#since?.isSame(messages)) return true;
    this.#since = null;
    this.#postedFor = null;
    if (!isPlain || (this.#isOpen && !isOwn)) return false;
    if (!this.#isOpen) {
      if (typeof runId !== "string" || runId === "" || !this.#isNamed(event, runId)) return false;
      this.#postedFor = runId;
    }
    const isPosted = this.#postedFor !== null;
    this.#since = StreamedSince.from(messages, { seen: this.#seen, isPosted });
    return false;
  }

  #isOfRun(event: JsonObject): boolean {
    const { runId = this.#runId } = event;
    return this.#runId !== null && runId === this.#runId && this.#isNamed(event, this.#runId);
  }

  /** Whether the event's other name for its run, if it has one, is the same. */
  #isNamed({ run_id: other }: JsonObject, runId: string): boolean {
    return other === undefined || other === runId;
  }

  /** Adds the ids that the event names to those that were seen. */
  #learn(type: string, event: JsonObject): void {
    if (NAME_NOTHING.has(type)) return;
    for (const key of ID_KEYS) this.#learnId(event[key]);
    if (type === "MESSAGES_SNAPSHOT") this.#learnMessages(event["messages"]);
    const { input } = event;
    if (type === "RUN_STARTED" && isObject(input)) this.#learnMessages(input["messages"]);
  }

  #learnMessages(messages: unknown): void {
    if (!Array.isArray(messages)) return;
    for (const message of messages as readonly unknown[]) {
      if (!isObject(message)) continue;
      this.#learnId(message["id"]);
      const { toolCalls } = message;
      if (!Array.isArray(toolCalls)) continue;
      for (const call of toolCalls as readonly unknown[])
        if (isObject(call)) this.#learnId(call["id"]);
    }
  }

  #learnId(id: unknown): void {
    if (typeof id === "string") this.#seen.add(id);
  }
}
