export interface BytesInFlightOptions {
  /** The limit of all pieces that are on their way. */
  readonly limitBytes: number;
  /** Smallest piece: with very many holders the limit is exceeded by it. */
  readonly minBytes: number;
  /** Largest piece. */
  readonly maxBytes: number;
}

/**
 * Bytes on their way to consumers, in the whole process. Unlike a budget it makes no consumer wait,
 * so that stopped consumers cannot block the others: the fewer bytes are free, the smaller are all
 * pieces.
 */
export interface BytesInFlight {
  readonly limitBytes: number;
  /** Bytes that consumers hold now. More than the limit if all of them read the smallest pieces. */
  readonly usedBytes: number;
  /** The size of the next piece. */
  readonly nextBytes: number;
  /** The share of one consumer, who holds nothing yet. */
  share(): ByteShare;
}

/** The bytes that one consumer holds. */
interface ByteShare {
  /** Records that it holds so many bytes now. Does nothing once the share was released. */
  hold(bytes: number): void;
  /** Releases the share for good. */
  release(): void;
}

/**
 * Part of the free bytes that the next piece may take, so that one piece never takes all of them.
 */
const PART = 64;

/** A count of bytes in flight, none of which is held yet. */
export function createBytesInFlight(options: BytesInFlightOptions): BytesInFlight {
  const { limitBytes, minBytes, maxBytes } = options;
  let held = 0;
  return {
    limitBytes,
    get usedBytes() {
      return held;
    },
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
