export interface BytesInFlightOptions {
  /** What all pieces that are on their way should not exceed. */
  readonly limitBytes: number;
  /** A piece is never smaller: with very many holders the limit is exceeded by that. */
  readonly minBytes: number;
  /** A piece is never larger. */
  readonly maxBytes: number;
}

/**
 * Bytes that are on their way to consumers, over all of the process. Unlike a budget it lets nobody
 * wait, so that consumers who have stopped cannot keep out those who go on: the less there is left,
 * the smaller are the pieces in which everybody works.
 */
export interface BytesInFlight {
  /** How large the next piece should be. */
  readonly nextBytes: number;
  /** The share of one consumer, who holds nothing yet. */
  share(): ByteShare;
}

/** What one consumer holds. */
interface ByteShare {
  /** It holds so many bytes now. Counts nothing once the share was given back. */
  hold(bytes: number): void;
  /** Gives all of it back, for good. */
  release(): void;
}

/** The next piece takes no more than this part of what is left, so that all never take it at once. */
const PART = 64;

/** Makes a count of which nothing is held yet. */
export function createBytesInFlight(options: BytesInFlightOptions): BytesInFlight {
  const { limitBytes, minBytes, maxBytes } = options;
  let held = 0;
  return {
    get nextBytes() {
      const part = Math.floor((limitBytes - held) / PART);
      return Math.min(maxBytes, Math.max(minBytes, part));
    },
    share() {
      let own = 0;
      let isReleased = false;
      const set = (bytes: number): void => {
        held += bytes - own;
        own = bytes;
      };
      return {
        hold(bytes) {
          if (!isReleased) set(bytes);
        },
        release() {
          isReleased = true;
          set(0);
        },
      };
    },
  };
}
