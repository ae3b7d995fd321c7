import type { ByteBudget, ByteLease } from "../stream/sync/byte-budget.ts";

type Chunk = Uint8Array<ArrayBuffer>;

/** Most bytes of one body that are kept. */
const MAX_KEPT = 1024 * 1024;

/**
 * A request's body that can be read again from its start, as long as what was read of it is kept: up to 1 MiB, and
 * not more than the budget has. Of a longer one only what nobody has read yet is held.
 */
export class ReplayableBody {
  readonly #source: ReadableStream<Chunk> | null;
  readonly #lease: ByteLease;
  #reader: ReadableStreamDefaultReader<Chunk> | null = null;
  #pieces: Chunk[] = [];
  #keptBytes = 0;
  /** Pieces that were read and are no longer there. */
  #dropped = 0;
  #isWhole = true;
  #isDone = false;
  #reading: Promise<void> | null = null;

  constructor(source: ReadableStream<Chunk> | null, budget: ByteBudget) {
    this.#source = source;
    this.#lease = budget.lease();
  }

  /** Whether it can be read from its start. */
  get canReplay(): boolean {
    return this.#isWhole;
  }

  /** Whether anything of it was read. */
  get isBegun(): boolean {
    return this.#reader !== null;
  }

  /** What was read so far; only to be asked for while it can be replayed. */
  get kept(): readonly Chunk[] {
    return this.#pieces;
  }

  /** The body from its start; the stream before this one is not read any more. Null for no body. */
  open(): ReadableStream<Chunk> | null {
    if (this.#source === null) return null;
    let at = 0;
    return new ReadableStream<Chunk>(
      {
        pull: async (controller) => {
          const piece = await this.#piece(at++);
          if (piece) controller.enqueue(piece);
          else controller.close();
        },
      },
      { highWaterMark: 0 },
    );
  }

  /** It will not be read again from its start. */
  settle(): void {
    this.#isWhole = false;
    this.#lease.release();
  }

  /** Nobody reads it any more. */
  cancel(): void {
    this.settle();
    this.#pieces = [];
    this.#reader?.cancel().catch(() => {
      // the connection is closed already
    });
  }

  async #piece(index: number): Promise<Chunk | null> {
    while (index - this.#dropped >= this.#pieces.length) {
      if (this.#isDone) return null;
      this.#reading ??= this.#readOn().finally(() => {
        this.#reading = null;
      });
      await this.#reading;
    }
    const piece = this.#pieces[index - this.#dropped] ?? null;
    if (!this.#isWhole) {
      this.#pieces.splice(0, index - this.#dropped + 1);
      this.#dropped = index + 1;
    }
    return piece;
  }

  async #readOn(): Promise<void> {
    this.#reader ??= this.#source?.getReader() ?? null;
    const { value } = (await this.#reader?.read()) ?? {};
    if (value === undefined) {
      this.#isDone = true;
      return;
    }
    this.#keptBytes += value.length;
    const isKept = this.#keptBytes <= MAX_KEPT && this.#lease.tryGrow(value.length);
    if (this.#isWhole && !isKept) this.settle();
    this.#pieces.push(value);
  }
}
