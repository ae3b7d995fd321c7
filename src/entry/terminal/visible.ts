/**
 * What a terminal acts on, or what makes text look like another one: control characters, marks that turn the direction
 * of text, separators of lines, halves of characters.
 */
const UNSAFE = /[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\p{Cs}]/gu;

export interface VisibleOptions {
  /** Whether line feeds and tabs stay as they are, for text of several lines. Default: no. */
  readonly keepLines?: boolean;
}

/**
 * Text of somebody else as a terminal can be given it: it moves no cursor, sets no title and is read in the order in which it
 * stands. What it would do is written as an escape, such as `\x1b` or `\u202e`.
 */
export function visible(text: string, { keepLines = false }: VisibleOptions = {}): string {
  return text.replace(UNSAFE, (character) => {
    if (keepLines && (character === "\n" || character === "\t")) return character;
    return ESCAPES.get(character) ?? escaped(character.charCodeAt(0));
  });
}

const ESCAPES: ReadonlyMap<string, string> = new Map([
  ["\n", "\\n"],
  ["\r", "\\r"],
  ["\t", "\\t"],
]);

function escaped(code: number): string {
  const digits = code.toString(16);
  return code <= 0xff ? `\\x${digits.padStart(2, "0")}` : `\\u${digits.padStart(4, "0")}`;
}
