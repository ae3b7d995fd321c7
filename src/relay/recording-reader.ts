import type { ChunkSource } from "../stream/sse/paced-stream.ts";

/** What a reader sees of the recording that it reads. */
interface Read {
  readonly end: number;
  readonly isOver: boolean;
  readonly isRemoved: boolean;
  readonly isAtFrameEnd: boolean;
  bytesAt(offset: number): Promise<Uint8Array<ArrayBuffer>>;
}

interface ReaderEvents {
  readonly onMoved: () => void;
  readonly onClosed: () => void;
}

/** A recording from an offset on, then live, to its end. It fails when the recording is removed. */
export class RecordingReader implements ChunkSource {
  readonly #recording: Read;
  readonly #events: ReaderEvents;
  #position: number;
  #taken: number;
  #isClosed = false;
  #hasReadAll = false;
  #wake: (() => void) | null = null;

  constructor(recording: Read, offset: number, events: ReaderEvents) {
    this.#recording = recording;
    this.#events = events;
    this.#position = offset;
    this.#taken = offset;
  }

  /** Up to where the client has been sent everything. */
  get taken(): number {
    return this.#taken;
  }

  /** Whether the client was sent the end of the stream. */
  get hasReadAll(): boolean {
    return this.#hasReadAll;
  }

  get atBoundary(): boolean {
    return this.#position === this.#recording.end && this.#recording.isAtFrameEnd;
  }

  async next(): Promise<Uint8Array<ArrayBuffer> | null> {
    if (this.#taken !== this.#position) {
      this.#taken = this.#position;
      this.#events.onMoved();
    }
    for (;;) {
      if (this.#isClosed) return null;
      if (this.#recording.isRemoved) throw new Error("the recording was removed");
      if (this.#position < this.#recording.end) {
        const bytes = await this.#recording.bytesAt(this.#position);
        this.#position += bytes.length;
        return bytes;
      }
      if (this.#recording.isOver) {
        this.#hasReadAll = true;
        return null;
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** There may be more, or an end. */
  wake(): void {
    this.#wake?.();
    this.#wake = null;
  }

  close(): void {
    this.#isClosed = true;
    this.wake();
    this.#events.onClosed();
  }
}
