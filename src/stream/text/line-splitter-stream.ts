/** How text is cut into lines. */
export interface LineSplitterOptions {
  /**
   * What ends a line: `"any"` is CR, LF or CRLF, as in event streams; `"lf"` is LF alone, as in JSON Lines, where a
   * CR is white space. Default `"any"`.
   */
  readonly ends?: "any" | "lf";
  /** Longest line, in UTF-16 code units without its end. Default: no bound. */
  readonly maxLength?: number;
  /**
   * What becomes of a longer line: `"error"` fails the stream with a `LineTooLongError`; `"empty"` gives an empty
   * line in its place, so that lines keep their numbers. Nothing of it is held either way. Default `"error"`.
   */
  readonly longLines?: "error" | "empty";
}

/** A line is longer than `maxLength`. */
export class LineTooLongError extends Error {
  override readonly name = "LineTooLongError";
  /** Number of the line; the first is 1. */
  readonly line: number;
  /** Longest line that is taken, in UTF-16 code units. */
  readonly maxLength: number;

  constructor(line: number, maxLength: number) {
    super(`Line ${line} is longer than ${maxLength} characters`);
    this.line = line;
    this.maxLength = maxLength;
  }
}

/**
 * Cuts text into lines without their ends, wherever its pieces break. A last line without an end counts; an
 * empty one after the last end does not.
 *
 * @example
 * const lines = bytes.pipeThrough(new TextDecoderStream()).pipeThrough(new LineSplitterStream());
 * for await (const line of lines) console.log(line);
 */
export class LineSplitterStream extends TransformStream<string, string> {
  constructor(options: LineSplitterOptions = {}) {
    const splitter = new Splitter(options);
    super({
      transform(piece, controller) {
        for (const line of splitter.push(piece)) controller.enqueue(line);
      },
      flush(controller) {
        const last = splitter.end();
        if (last !== null) controller.enqueue(last);
      },
    });
  }
}

class Splitter {
  readonly #ends: RegExp;
  readonly #isReturnAnEnd: boolean;
  readonly #maxLength: number;
  readonly #fails: boolean;
  #lines = 0;
  #held = "";
  #isLong = false;
  /** Whether the last piece ended with a CR: an LF that follows belongs to it. */
  #endsWithReturn = false;

  constructor({ ends = "any", maxLength = Infinity, longLines = "error" }: LineSplitterOptions) {
    this.#isReturnAnEnd = ends === "any";
    this.#ends = this.#isReturnAnEnd ? /\r\n|\r|\n/gu : /\n/gu;
    this.#maxLength = maxLength;
    this.#fails = longLines === "error";
  }

  *push(piece: string): Generator<string> {
    let from = this.#endsWithReturn && piece.startsWith("\n") ? 1 : 0;
    if (piece !== "") this.#endsWithReturn = this.#isReturnAnEnd && piece.endsWith("\r");
    this.#ends.lastIndex = from;
    for (let end = this.#ends.exec(piece); end; end = this.#ends.exec(piece)) {
      this.#hold(piece.slice(from, end.index));
      yield this.#take();
      from = this.#ends.lastIndex;
    }
    if (from < piece.length) this.#hold(piece.slice(from));
  }

  end(): string | null {
    return this.#held === "" && !this.#isLong ? null : this.#take();
  }

  #hold(part: string): void {
    if (!this.#isLong && this.#held.length + part.length <= this.#maxLength) {
      this.#held += part;
      return;
    }
    if (this.#fails) throw new LineTooLongError(this.#lines + 1, this.#maxLength);
    this.#isLong = true;
    this.#held = "";
  }

  #take(): string {
    const line = this.#held;
    this.#held = "";
    this.#isLong = false;
    this.#lines += 1;
    return line;
  }
}
