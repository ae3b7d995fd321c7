/** Takes the events out of a body of server-sent events that comes in pieces. */
export interface EventFrames {
  /** Takes the next bytes. */
  push(bytes: Buffer): void;
  /** Drops what was cut within a frame by the end of a connection. */
  reset(): void;
}

export interface EventFramesOptions {
  /** Told of each event's bytes, valid only during the call, and of its id if it has one. */
  readonly onEvent: (data: Buffer, id: string | null) => void;
  /** Told of the beginning of what is no event; comments and `retry` are lines before one. */
  readonly onOther: (text: string) => void;
}

const FRAME_END = Buffer.from("\n\n");
const DATA = Buffer.from("data: ");
const ID = Buffer.from("id: ");
const LF = 10;
const EMPTY = Buffer.alloc(0);
const SHOWN_CHARS = 100;

const LINE_BEFORE = /^(:[^\n]*|retry: \d+)$/;

/** A frame is one line of data, perhaps with its id before or after it: everything else is something else. */
export function createEventFrames({ onEvent, onOther }: EventFramesOptions): EventFrames {
  let carry: Buffer = EMPTY;

  function takeFrame(whole: Buffer): void {
    const frame = withoutLinesBefore(whole);
    const lineEnd = frame.indexOf(LF);
    const lines =
      lineEnd === -1 ? [frame] : [frame.subarray(0, lineEnd), frame.subarray(lineEnd + 1)];
    const [data, ...others] = lines.filter((line) => startsWith(line, DATA) && !line.includes(LF));
    const id = lines.find((line) => startsWith(line, ID) && !line.includes(LF));
    if (data && others.length === 0 && lines.length === (id ? 2 : 1))
      onEvent(data.subarray(DATA.length), id ? id.toString("latin1", ID.length) : null);
    else onOther(whole.toString("utf8", 0, SHOWN_CHARS));
  }

  return {
    push(bytes) {
      const text = carry.length === 0 ? bytes : Buffer.concat([carry, bytes]);
      let from = 0;
      for (let to = text.indexOf(FRAME_END); to !== -1; to = text.indexOf(FRAME_END, from)) {
        takeFrame(text.subarray(from, to));
        from = to + FRAME_END.length;
      }
      // a copy: the bytes are only valid during the call
      carry = from === text.length ? EMPTY : Buffer.from(text.subarray(from));
    },
    reset() {
      carry = EMPTY;
    },
  };
}

function startsWith(line: Buffer, start: Buffer): boolean {
  return line.subarray(0, start.length).equals(start);
}

function withoutLinesBefore(frame: Buffer): Buffer {
  let rest = frame;
  for (;;) {
    const lineEnd = rest.indexOf(LF);
    if (lineEnd === -1 || !LINE_BEFORE.test(rest.toString("latin1", 0, lineEnd))) return rest;
    rest = rest.subarray(lineEnd + 1);
  }
}
