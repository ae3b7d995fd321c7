import { concatInSteps } from "../../stream/bytes/concat.ts";
import { atOnce, type Steps } from "../../stream/sync/steps.ts";
import type { ParsedEvent } from "./repair/parsed-event.ts";

const encoder = new TextEncoder();
const DATA = encoder.encode("data: ");
const END = encoder.encode("\n\n");

/** Collects events as frames of server-sent events, each with the cursor of what was sent so far. */
export class FrameWriter {
  #pieces: Uint8Array<ArrayBuffer>[] = [];
  #id: Uint8Array<ArrayBuffer> = END;
  #written = 0;
  /** Whether frames are counted and dropped. */
  isMuted = false;

  /** Bytes written or, while muted, counted. */
  get written(): number {
    return this.#written;
  }

  /** The cursor that the frames from now on have. */
  set cursor(cursor: string) {
    if (!this.isMuted) this.#id = encoder.encode(`\nid: ${cursor}\n\n`);
  }

  event({ bytes }: ParsedEvent): void {
    this.#written += DATA.length + bytes.length + this.#id.length;
    if (!this.isMuted) this.#pieces.push(DATA, bytes, this.#id);
  }

  /** Everything written since the last call, or null. */
  take(): Uint8Array<ArrayBuffer> | null {
    return atOnce(this.takeInSteps());
  }

  /** The same where much may have been written. */
  *takeInSteps(): Steps<Uint8Array<ArrayBuffer> | null> {
    if (this.#pieces.length === 0) return null;
    const pieces = this.#pieces;
    this.#pieces = [];
    return yield* concatInSteps(pieces);
  }
}
