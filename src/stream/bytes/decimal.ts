const ZERO = 48;

/** The most digits that `writeDecimal` writes. */
export const MAX_DIGITS = 16;

/** Writes a safe integer that is not negative in decimal; returns the position after it. */
export function writeDecimal(out: Uint8Array, at: number, value: number): number {
  let digits = 1;
  for (let power = 10; power <= value; power *= 10) digits++;
  let rest = value;
  for (let i = at + digits - 1; i >= at; i--) {
    const next = Math.floor(rest / 10);
    out[i] = ZERO + (rest - next * 10);
    rest = next;
  }
  return at + digits;
}

/** A larger array with the first `length` bytes of `out`, and room for `needed`. */
export function grown(out: Uint8Array, length: number, needed: number): Uint8Array<ArrayBuffer> {
  const larger = new Uint8Array(Math.max(needed, out.length * 2));
  larger.set(out.subarray(0, length));
  return larger;
}
