import { concatInSteps } from "../../stream/bytes/concat.ts";
import { atOnce, type Steps } from "../../stream/sync/steps.ts";
import type { ParsedEvent } from "./repair/parsed-event.ts";

const encoder = new TextEncoder();
const DATA = encoder.encode("data: ");
const END = encoder.encode("\n\n");

/**
 * Collects events as frames of server-sent events. The last frame of each position of the log has the
 * cursor after it as its id, those before it the same with a number (`<cursor>.1`, `<cursor>.2`): no id
 * comes twice, and a client that comes back with one misses nothing and gets nothing twice. The id is
 * a frame's first line. What is sent besides has none, so that it does not change the numbers of others.
 */
export class FrameWriter {
  #pieces: Uint8Array<ArrayBuffer>[] = [];
  /** The latest event: whether it is the last one of its position is not known yet. */
  #latest: Uint8Array<ArrayBuffer> | null = null;
  /** What was sent besides after the latest event. */
  #besides: Uint8Array<ArrayBuffer>[] = [];
  #cursor = "";
  /** What the cursor stands for was taken: what comes for it later has no id. */
  #isCursorTaken = false;
  /** Frames of the position before the latest one. */
  #earlier = 0;
  #isSnapshot = false;
  #skipped: { readonly to: string; readonly onFound: () => void } | null = null;
  #written = 0;
  /** Whether frames are counted and dropped. */
  isMuted = false;

  /** Bytes written or, while muted, counted. */
  get written(): number {
    return this.#written;
  }

  /** The cursor after the events from now on; those before are all of their position. */
  set cursor(cursor: string) {
    if (this.isMuted || cursor === this.#cursor) return;
    this.#endPosition();
    this.#cursor = cursor;
    this.#isCursorTaken = false;
  }

  /** Drops frames up to the one with this id, and that one too; `onFound` is called when it is there. */
  skipTo(id: string, onFound: () => void = () => {}): void {
    this.#skipped = { to: id, onFound };
  }

  /** Whether the frame with the id of `skipTo` is still to come. */
  get isSkipping(): boolean {
    return this.#skipped !== null;
  }

  /** Counts an event of about so many bytes, which is not made while nobody is sent any. */
  count(bytes: number): void {
    this.#written += this.#cursor.length + DATA.length + bytes + END.length;
  }

  event({ bytes }: ParsedEvent): void {
    this.count(bytes.length);
    if (this.isMuted) return;
    if (this.#latest) {
      this.#earlier++;
      const isNumbered = this.#cursor !== "" && !this.#isSnapshot && !this.#isCursorTaken;
      this.#frame(this.#latest, isNumbered ? `${this.#cursor}.${this.#earlier}` : "");
      this.#frameBesides();
    }
    this.#latest = bytes;
  }

  /** An event that is sent besides those of the log. */
  besides({ bytes }: ParsedEvent): void {
    this.count(bytes.length);
    if (this.isMuted) return;
    this.#besides.push(bytes);
    if (!this.#latest) this.#frameBesides();
  }

  /**
   * Events that stand for a position only together: none but the last has an id. Null for a log that has
   * no position yet.
   */
  snapshot(events: readonly ParsedEvent[], cursor: string | null): void {
    if (cursor !== null) this.cursor = cursor;
    this.#isSnapshot = true;
    for (const event of events) this.event(event);
    this.#endPosition();
    this.#isSnapshot = false;
  }

  /** Everything written since the last call, or null; the events so far are all of their position. */
  take(): Uint8Array<ArrayBuffer> | null {
    return atOnce(this.takeInSteps({ isWhole: true }));
  }

  /**
   * The same where much may have been written. With `isWhole` false more events of the position come:
   * the latest one waits for them.
   */
  *takeInSteps({ isWhole }: { readonly isWhole: boolean }): Steps<Uint8Array<ArrayBuffer> | null> {
    if (isWhole) this.#endPosition();
    if (this.#pieces.length === 0) return null;
    const pieces = this.#pieces;
    this.#pieces = [];
    return yield* concatInSteps(pieces);
  }

  #endPosition(): void {
    this.#earlier = 0;
    if (!this.#latest) return;
    this.#frame(this.#latest, this.#isCursorTaken ? "" : this.#cursor);
    this.#latest = null;
    this.#isCursorTaken = true;
    this.#frameBesides();
  }

  #frameBesides(): void {
    for (const event of this.#besides) this.#frame(event, "");
    this.#besides = [];
  }

  #frame(event: Uint8Array<ArrayBuffer>, id: string): void {
    if (this.#skipped !== null) {
      if (id !== this.#skipped.to) return;
      this.#skipped.onFound();
      this.#skipped = null;
      return;
    }
    if (id !== "") this.#pieces.push(encoder.encode(`id: ${id}\n`));
    this.#pieces.push(DATA, event, END);
  }
}
