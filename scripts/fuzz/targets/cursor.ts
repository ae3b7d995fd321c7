import * as fc from "fast-check";
import { formatCursor, parseCursor } from "../../../src/core/model/cursor.ts";
import { type FuzzTarget, fuzzTarget } from "../fuzz-target.ts";
import { anyText } from "../inputs.ts";

const digits = fc.oneof(
  fc.bigInt({ min: 0n, max: 10n ** 20n }).map(String),
  fc.constantFrom("", "00", "-1", "1e3"),
);
const nearlyCursor = fc
  .tuple(
    fc.oneof(fc.stringMatching(/^[a-z0-9]{16}$/), fc.stringMatching(/^[a-z0-9]{0,20}$/), anyText),
    fc.constantFrom("-r", "-c", "-", "r", "-R"),
    digits,
    fc.constantFrom("", ".", ".0", ".5", "\n", " "),
  )
  .map((parts) => parts.join(""));

/** A text is a cursor or it is none; one that is stands for one position, which is written like it. */
export const target: FuzzTarget = fuzzTarget("cursor", fc.oneof(nearlyCursor, anyText), (text) => {
  const cursor = parseCursor(text);
  if (cursor === null) return;
  if (formatCursor(cursor) !== text) throw new Error(`read as ${formatCursor(cursor)}`);
  const position = cursor.log === "raw" ? [cursor.offset] : [cursor.generation, cursor.offset];
  if (!position.every((number) => Number.isSafeInteger(number) && number >= 0))
    throw new Error(`no position: ${position.join(".")}`);
});
