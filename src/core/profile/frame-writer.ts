import { concatInSteps } from "../../stream/bytes/concat.ts";
import { atOnce, type Steps } from "../../stream/sync/steps.ts";
import type { ParsedEvent } from "./repair/parsed-event.ts";

const encoder = new TextEncoder();
const DATA = encoder.encode("data: ");
const END = encoder.encode("\n\n");
const NO_ID = new Uint8Array();

/**
 * Collects events as frames of server-sent events. The last frame of each position of the log has the
 * cursor after it, as its first line; the others have none: a client that drops what has an id it has
 * seen keeps them all, and one that comes back with an id misses nothing.
 */
export class FrameWriter {
  #pieces: Uint8Array<ArrayBuffer>[] = [];
  /** The latest event: whether it is the last one of its position is not known yet. */
  #latest: Uint8Array<ArrayBuffer> | null = null;
  #cursor = "";
  #id: Uint8Array<ArrayBuffer> = NO_ID;
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
    this.#id = encoder.encode(`id: ${cursor}\n`);
  }

  event({ bytes }: ParsedEvent): void {
    this.#written += this.#id.length + DATA.length + bytes.length + END.length;
    if (this.isMuted) return;
    if (this.#latest) this.#pieces.push(DATA, this.#latest, END);
    this.#latest = bytes;
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
    if (!this.#latest) return;
    this.#pieces.push(this.#id, DATA, this.#latest, END);
    this.#latest = null;
    // what comes for the same position later is new to whoever has seen this id
    this.#id = NO_ID;
  }
}
