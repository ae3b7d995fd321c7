/** Some bytes of a log or of a line, by their offsets in it. */
export interface ByteRange {
  /** Of the first byte. */
  readonly start: number;
  /** After the last byte. */
  readonly end: number;
}
