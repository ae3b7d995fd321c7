import { RunlogError } from "../../ports/errors.ts";
import type { LogStore, SessionKey } from "../../ports/log-store.ts";
import type { ByteBudget, ByteLease } from "../../stream/sync/byte-budget.ts";

type Pieces = readonly Uint8Array<ArrayBuffer>[];

export interface RunBodyOptions {
  readonly key: SessionKey;
  readonly runId: string;
  readonly pieces: Pieces;
  /** Releases the memory of the request's body. Idempotent. */
  readonly release: () => void;
  readonly store: Pick<LogStore, "putRunBody" | "runBody" | "removeRunBody">;
  /** Memory for bodies that were read back. */
  readonly budget: ByteBudget;
}

/**
 * The body of a run, from its admission until its runner has it: in memory, or in the store while
 * the run waits for its turn.
 */
export class RunBody {
  readonly #options: Omit<RunBodyOptions, "pieces">;
  readonly #bytes: number;
  readonly #lease: ByteLease;
  /** Null once it is in the store alone, or not needed any more. */
  #pieces: Pieces | null;
  /** The log with which it is stored, or null. */
  #logId: string | null = null;

  constructor({ pieces, ...options }: RunBodyOptions) {
    this.#options = options;
    this.#pieces = pieces;
    this.#bytes = pieces.reduce((sum, piece) => sum + piece.length, 0);
    this.#lease = options.budget.lease();
  }

  /** Stores it; it stays in memory until `release`. Throws what the store throws. */
  async putAside(logId: string): Promise<void> {
    const { store, key, runId } = this.#options;
    await store.putRunBody(key, logId, runId, this.#pieces ?? []);
    this.#logId = logId;
  }

  /** Releases its memory, if it is stored. */
  release(): void {
    if (this.#logId === null) return;
    this.#pieces = null;
    this.#options.release();
  }

  /** The bytes for the runner, in memory as soon as there is room. Throws what the store throws. */
  async load(signal: AbortSignal): Promise<Pieces> {
    if (this.#pieces) return this.#pieces;
    const { store, key, runId } = this.#options;
    await this.#lease.grow(this.#bytes, { signal });
    const stored = this.#logId && (await store.runBody(key, this.#logId, runId));
    if (!stored) throw new RunlogError("store-failed", "The body of a run that waited has gone");
    this.#pieces = [stored];
    return this.#pieces;
  }

  /** Discards it: no caller needs it any more. Throws what the store throws. Idempotent. */
  async discard(): Promise<void> {
    const { store, key, runId, release } = this.#options;
    this.#pieces = null;
    release();
    this.#lease.release();
    const logId = this.#logId;
    if (logId === null) return;
    await store.removeRunBody(key, logId, runId);
    this.#logId = null;
  }
}
