/** Below so many characters of messages a snapshot costs about what the event costs that needs it. */
const SMALL_CHARS = 4_096;
/** From then on the messages grow by so much from one snapshot to the next. */
const GROWTH = 1.25;

/**
 * Where a stream may send all messages while more of the log follows. A log may ask for that with every
 * event; so it is done where the messages take less than `smallChars` (4,096 by default), and then where
 * they have grown by a quarter since the place before. Together such snapshots take at most five times
 * what the messages take.
 *
 * The places follow from the messages alone, not from what was sent: a stream that goes on after a cut
 * (PROTOCOL 11.14) finds the same ones.
 */
export class SnapshotPace {
  readonly #smallChars: number;
  #nextChars: number;
  #isPlace = true;

  constructor(smallChars: number = SMALL_CHARS) {
    this.#smallChars = smallChars;
    this.#nextChars = Math.max(1, smallChars);
  }

  /** Whether a snapshot may be sent at the event of the latest `reach`. */
  get isPlace(): boolean {
    return this.#isPlace;
  }

  /** To be called before each event of a run, with the characters of all messages. */
  reach(chars: number): void {
    this.#isPlace = chars <= this.#smallChars || chars >= this.#nextChars;
    while (this.#nextChars <= chars) this.#nextChars *= GROWTH;
  }
}
