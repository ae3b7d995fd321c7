/** Where a top-level member of a JSON object lies whose value is a string: positions in the text. */
export interface MemberPlace {
  /** Where the value's first quote is. */
  readonly start: number;
  /** One past its last quote. */
  readonly end: number;
  /** To remove the member, remove the text from here, one of its commas included, … */
  readonly cutStart: number;
  /** … up to here. */
  readonly cutEnd: number;
}

/** Notes where a member lies while a scanner reports the tokens of the top level. */
export class MemberPlaceFinder {
  /** The latest comma; none before the first key. */
  #commaAt = -1;
  #keyAt = 0;
  #valueAt = 0;
  #place: MemberPlace | null = null;

  /** The latest place, or null. */
  get place(): MemberPlace | null {
    return this.#place;
  }

  reset(): void {
    this.#commaAt = -1;
    this.#place = null;
  }

  comma(at: number): void {
    // the first member has no comma before it: the one after it is removed
    if (this.#commaAt === -1 && this.#place) this.#place = { ...this.#place, cutEnd: at + 1 };
    this.#commaAt = at;
  }

  /** A key's first quote. */
  key(at: number): void {
    this.#keyAt = at;
  }

  /** The last key was the member's, which has another value if it was there before. */
  again(): void {
    this.#place = null;
  }

  /** The first quote of a value. */
  value(at: number): void {
    this.#valueAt = at;
  }

  /** The member's string ends before `end`. */
  found(end: number): void {
    const cutStart = this.#commaAt === -1 ? this.#keyAt : this.#commaAt;
    this.#place = { start: this.#valueAt, end, cutStart, cutEnd: end };
  }
}
