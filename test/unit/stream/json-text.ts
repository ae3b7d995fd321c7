import * as fc from "fast-check";

/** A value as JSON text, with white space and escapes that a serialiser would not write. */
export interface JsonText {
  readonly value: fc.Arbitrary<string>;
  readonly object: fc.Arbitrary<string>;
  readonly array: fc.Arbitrary<string>;
}

const space = fc
  .array(fc.constantFrom(" ", "\n", "\r", "\t"), { maxLength: 2 })
  .map((parts) => parts.join(""));

const character = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom("a", "B", "7", " ", "{", "]", ":", ",", "/", "\u007f") },
  { weight: 1, arbitrary: fc.constantFrom("ž", "€", "😀", "\u2028", "\ufeff") },
  {
    weight: 1,
    arbitrary: fc.constantFrom(...Array.from('"\\/bfnrt')).map((letter) => `\\${letter}`),
  },
  { weight: 1, arbitrary: fc.constantFrom("\\u0041", "\\uD83D\\uDE00", "\\ud83d", "\\u00fF") },
);

/** A string with its quotes. */
const stringText: fc.Arbitrary<string> = fc
  .array(character, { maxLength: 12 })
  .map((parts) => `"${parts.join("")}"`);

const scalar = fc.oneof(
  stringText,
  fc.constantFrom("true", "false", "null"),
  fc.constantFrom("0", "-0", "10", "-1.50", "0.5e3", "1E+9", "2e-07", "12345678901234567890"),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map(String),
);

/** Names that the tests ask for, in several spellings, and others. */
const keyText = fc.oneof(
  fc.constantFrom('"type"', '"runId"', '"run_id"', '"t\\u0079pe"', '"run\\u0049d"', '"types"'),
  stringText,
);

/** White space around `text`. */
export function padded(text: fc.Arbitrary<string>): fc.Arbitrary<string> {
  return fc.tuple(space, text, space).map((parts) => parts.join(""));
}

/** Members as pairs of texts: a name with its quotes, and a value. */
export const membersText = (value: fc.Arbitrary<string>): fc.Arbitrary<[string, string][]> =>
  fc.array(fc.tuple(keyText, value), { maxLength: 6 });

function listText(open: string, close: string, items: fc.Arbitrary<string[]>) {
  return fc.tuple(items, space).map(([list, gap]) => open + (list.join(",") || gap) + close);
}

export const jsonText: JsonText = fc.letrec<{ value: string; object: string; array: string }>(
  (tie) => ({
    value: fc.oneof({ maxDepth: 4, withCrossShrink: true }, scalar, tie("object"), tie("array")),
    object: listText(
      "{",
      "}",
      fc.array(
        fc.tuple(padded(keyText), padded(tie("value"))).map(([key, value]) => `${key}:${value}`),
        { maxLength: 5 },
      ),
    ),
    array: listText("[", "]", fc.array(padded(tie("value")), { maxLength: 4 })),
  }),
);
