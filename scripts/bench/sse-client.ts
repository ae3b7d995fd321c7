/** A marker that ends a stream is looked for in so many last bytes of each piece. */
const TAIL_BYTES = 4_096;

/**
 * Tells whether `marker` has passed, looking only at the end of each piece: for the last frame of a
 * log nobody appends to, after which no more than a comment may follow.
 */
export function createEndFinder(marker: string): (bytes: Buffer) => boolean {
  const needle = Buffer.from(marker, "latin1");
  let carry: Buffer = Buffer.alloc(0);
  return (bytes) => {
    const last = bytes.subarray(-TAIL_BYTES);
    const tail = last.length < bytes.length ? last : Buffer.concat([carry, last]);
    // a copy: the piece is only valid during the call
    carry = Buffer.from(tail.subarray(Math.max(0, tail.length - needle.length + 1)));
    return tail.includes(needle);
  };
}

/** Counts the events of an SSE stream. */
export interface FrameCounter {
  add(bytes: Buffer): void;
  /** Whole frames with an id: comments and `retry:` have none. */
  readonly events: number;
}

/** A counter that looks for ends of frames only and parses nothing. */
export function createFrameCounter(): FrameCounter {
  // an event is JSON, in which a line feed is escaped: these bytes occur at its end only
  const needle = Buffer.from("\nid: ", "latin1");
  let carry: Buffer = Buffer.alloc(0);
  let events = 0;
  return {
    add(bytes) {
      const text = carry.length === 0 ? bytes : Buffer.concat([carry, bytes]);
      let from = 0;
      for (let at = text.indexOf(needle); at >= 0; at = text.indexOf(needle, from)) {
        events += 1;
        from = at + needle.length;
      }
      carry = Buffer.from(text.subarray(Math.max(from, text.length - needle.length + 1)));
    },
    get events() {
      return events;
    },
  };
}
