const MINUS = 0x2d;

// Where in a number. In those from ZERO on it may end.
const SIGN = 0;
const POINT = 1;
const EXPONENT = 2;
const EXPONENT_SIGN = 3;
const ZERO = 4;
const DIGITS = 5;
const FRACTION = 6;
const EXPONENT_DIGITS = 7;

/** The state before a number, after its sign, which has no state of its own. */
export const NUMBER_START: number = SIGN;

/** The state after `byte` in a number, or -1 if `byte` does not continue it. */
export function numberAfter(number: number, byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) {
    switch (number) {
      case ZERO:
        return -1;
      case SIGN:
        return byte === 0x30 ? ZERO : DIGITS;
      case POINT:
        return FRACTION;
      case EXPONENT:
      case EXPONENT_SIGN:
        return EXPONENT_DIGITS;
      default:
        return number;
    }
  }
  if (byte === 0x2e) return number === ZERO || number === DIGITS ? POINT : -1;
  if ((byte | 0x20) === 0x65) return number >= ZERO && number !== EXPONENT_DIGITS ? EXPONENT : -1;
  return number === EXPONENT && (byte === MINUS || byte === 0x2b) ? EXPONENT_SIGN : -1;
}

/** Whether a number may end there. */
export function numberMayEnd(number: number): boolean {
  return number >= ZERO;
}
