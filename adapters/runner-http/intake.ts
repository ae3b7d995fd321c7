import type { EventBatch, EventFacts, RunnerStreamCounts } from "../../src/ports/runner-client.ts";
import { FACT_KEYS, factsOf } from "../../src/ports/event-facts.ts";
import { JsonObjectScanner } from "../../src/stream/json/json-scan.ts";
import { SseParser, type SseDataSink } from "../../src/stream/sse/sse-parse.ts";
import { Utf8Repair } from "../../src/stream/bytes/utf8-repair.ts";
import { compact, HeldPieces } from "../../src/stream/bytes/held-pieces.ts";
import { SharedFacts } from "./shared-facts.ts";

const LF = 0x0a;
const NO_BLOCK = new Uint8Array(0);
const encoder = new TextEncoder();

/**
 * Turns the bytes of a runner's answer into batches of events.
 *
 * Each chunk is copied once, into a block, unless it is given away; the events in it are moved together there: data only
 * ever moves towards the front, because a frame is longer than the line that is made of it. What
 * the chunk leaves of an event is held in pieces until its end has come.
 */
export class Intake implements SseDataSink {
  readonly #maxEventBytes: number;
  readonly #isResumable: boolean;
  readonly #repair = new Utf8Repair();
  readonly #parser = new SseParser(this);
  readonly #scanner = new JsonObjectScanner(FACT_KEYS);
  readonly #facts = new SharedFacts();

  #block: Uint8Array = NO_BLOCK;
  /** In the block: how far it has been handed over, where the open event begins, where it ends. */
  #handed = 0;
  #start = 0;
  #write = 0;
  /** The open event: what earlier blocks held of it, all its bytes, whether they are still kept. */
  readonly #held = new HeldPieces();
  #size = 0;
  #isKept = true;

  #lines: Uint8Array[] = [];
  #events: EventFacts[] = [];
  /** Whether each of the events has an id. */
  #haveIds = true;
  #readyBytes = 0;

  readonly #counts = { malformed: 0, oversized: 0, repaired: 0 };
  #isCutOff = false;

  /**
   * @param maxEventBytes a larger event is replaced by one that reports it.
   * @param isResumable whether the answer can be taken up: then a last frame without its blank line is
   *   none, since its id may be missing or cut; it comes again.
   */
  constructor(maxEventBytes: number, isResumable = false) {
    this.#maxEventBytes = maxEventBytes;
    this.#isResumable = isResumable;
  }

  /** What was not passed on as it came. One object, which goes on counting. */
  get counts(): RunnerStreamCounts {
    return this.#counts;
  }

  /** Bytes of an event whose end has not come. */
  get heldBytes(): number {
    return this.#held.bytes;
  }

  /** Bytes of whole events that wait for `take`. */
  get readyBytes(): number {
    return this.#readyBytes;
  }

  /** Takes the next bytes of the answer. The array stays the caller's, unless `isGiven`: then it is written to. */
  push(chunk: Uint8Array, { isGiven = false }: { readonly isGiven?: boolean } = {}): void {
    const sound = this.#repair.push(chunk);
    this.#pass(sound.buffer === chunk.buffer && !isGiven ? sound.slice() : sound);
  }

  /** The answer is over. A last frame without its blank line is an event if it is complete JSON. */
  finish(): void {
    this.#pass(this.#repair.finish());
    this.#endLastFrame();
  }

  /**
   * The answer broke off. As `finish`, but an incomplete last frame does not count as malformed.
   */
  cutOff(): void {
    this.#isCutOff = true;
    this.#endLastFrame();
  }

  /** The whole events since the last call, or null if there are none. */
  take(): EventBatch | null {
    if (this.#events.length === 0) return null;
    const lastId = this.#haveIds ? this.#parser.keptId : null;
    const batch = { lines: this.#lines, events: this.#events, lastId };
    this.#haveIds = true;
    this.#lines = [];
    this.#events = [];
    this.#readyBytes = 0;
    return batch;
  }

  /** For the parser only. */
  data(bytes: Uint8Array, from: number, to: number): void {
    this.#size += to - from;
    const isPossible = this.#scanner.push(bytes, from, to);
    if (!isPossible || this.#size > this.#maxEventBytes) this.#drop();
    if (!this.#isKept) return;
    if (bytes !== this.#block) this.#block.set(bytes.subarray(from, to), this.#write);
    else if (from !== this.#write) this.#block.copyWithin(this.#write, from, to);
    this.#write += to - from;
  }

  /** For the parser only. */
  end(hasId: boolean): void {
    const before = this.#events.length;
    this.#endFrame();
    if (this.#events.length === before) return;
    this.#haveIds &&= hasId;
    // the id of the last event, whatever frames without an event come after it
    this.#parser.keepId();
  }

  #endFrame(): void {
    if (!this.#scanner.end()) {
      this.#drop();
      if (!this.#isCutOff) this.#counts.malformed++;
    } else if (this.#isKept) this.#endEvent();
    else this.#replaceEvent();
    this.#scanner.reset();
    this.#size = 0;
    this.#isKept = true;
  }

  #pass(block: Uint8Array): void {
    this.#counts.repaired = this.#repair.repaired;
    this.#enter(block);
    this.#parser.push(block);
    this.#leave();
  }

  #endLastFrame(): void {
    if (this.#isResumable) return;
    // room for what no chunk made room for: the line's end, and the join before an empty data line
    this.#enter(new Uint8Array(2));
    this.#parser.finish();
    this.#leave();
  }

  #enter(block: Uint8Array): void {
    this.#block = block;
    this.#handed = 0;
    this.#start = 0;
    this.#write = 0;
  }

  #leave(): void {
    this.#handOver();
    if (this.#write > this.#start) this.#held.add(this.#block.subarray(this.#start, this.#write));
    this.#block = NO_BLOCK;
  }

  /** Puts the block's whole lines after those that are ready. */
  #handOver(): void {
    if (this.#start > this.#handed)
      this.#lines.push(compact(this.#block.subarray(this.#handed, this.#start)));
    this.#handed = this.#start;
  }

  #endEvent(): void {
    // held pieces are the beginning of the block's first event: nothing of the block is before them
    if (this.#held.bytes > 0) for (const piece of this.#held.take()) this.#lines.push(piece);
    this.#block[this.#write++] = LF;
    this.#start = this.#write;
    this.#note(this.#facts.of(this.#scanner, this.#size + 1));
  }

  #replaceEvent(): void {
    this.#counts.oversized++;
    this.#handOver();
    const { type, runId, ...facts } = factsOf(this.#scanner, this.#size);
    const value = { size: this.#size, limit: this.#maxEventBytes, ...(type !== "" && { type }) };
    const event = { type: "CUSTOM", name: "runlog:event-too-large", value };
    const line = encoder.encode(
      `${JSON.stringify({ ...event, ...(runId !== null && { runId }) })}\n`,
    );
    this.#lines.push(line);
    this.#note({ ...facts, bytes: line.length, type: "CUSTOM", runId });
  }

  #note(facts: EventFacts): void {
    this.#events.push(facts);
    this.#readyBytes += facts.bytes;
  }

  /** Releases the open event's bytes; from here on it is only scanned. */
  #drop(): void {
    if (!this.#isKept) return;
    this.#isKept = false;
    this.#held.take();
    this.#write = this.#start;
  }
}
