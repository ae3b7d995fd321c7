/** What one try cost. */
export interface Spent {
  /** Wall time of the work. */
  readonly seconds: number;
  /** Longest time for which the server's event loop was held, in ms of its processor. */
  readonly heldMs?: number;
  /** When the first byte of an answer was there, in ms. */
  readonly firstMs?: number;
  /** Bytes that the work gave: of an answer, or of a file. */
  readonly bytes?: number;
}

/** Work whose cost must grow no faster than its input. */
export interface Cost {
  /** Such as "connect, short runs". */
  readonly name: string;
  /** What is counted: "runs", "deltas", "sessions". */
  readonly of: string;
  /** A small input and larger ones, ascending. */
  readonly sizes: readonly number[];
  /** Does the work once for an input of `size`. */
  measure(size: number): Promise<Spent>;
  /**
   * How much faster than the input the time may grow from the first size to the last. Default 2: linear,
   * with room for a machine that others use.
   */
  readonly maxFactor?: number;
  /** How long the event loop may be held, in ms. Default 50. */
  readonly maxHeldMs?: number;
}
