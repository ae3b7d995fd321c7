/** JSON that was made readable. */
export interface PrettyJson {
  readonly text: string;
  /** Whether the rest was left out, for its length. */
  readonly isCut: boolean;
}

const INDENT = "  ";
/** Deeper levels are not indented any further: a thousand levels would be a megabyte of spaces. */
const MAX_INDENT = 40;
const SPACE = /\s/;

/**
 * Puts line feeds and spaces between the tokens of a JSON text, at most `maxChars` characters in all. The tokens stay as they are:
 * numbers keep their digits, strings their escapes, members their order. A text that is no JSON is returned as good as it goes.
 */
export function prettyJson(json: string, maxChars: number): PrettyJson {
  let text = "";
  let depth = 0;
  const put = (piece: string): void => {
    text += piece;
  };
  const breakLine = (): void => put(`\n${INDENT.repeat(Math.min(depth, MAX_INDENT))}`);
  let at = 0;
  while (at < json.length) {
    if (text.length > maxChars) break;
    const char = json.charAt(at);
    if (char === '"') {
      const end = endOfString(json, at, at + maxChars + 1 - text.length);
      put(json.slice(at, end));
      at = end;
      continue;
    }
    at += 1;
    if (SPACE.test(char)) continue;
    if (char === "{" || char === "[") {
      const next = nextToken(json, at);
      if (json.charAt(next) === closing(char)) {
        put(char + closing(char));
        at = next + 1;
        continue;
      }
      depth += 1;
      put(char);
      breakLine();
    } else if (char === "}" || char === "]") {
      depth = Math.max(0, depth - 1);
      breakLine();
      put(char);
    } else if (char === ",") {
      put(char);
      breakLine();
    } else put(char === ":" ? ": " : char);
  }
  return text.length > maxChars
    ? { text: text.slice(0, maxChars), isCut: true }
    : { text, isCut: nextToken(json, at) < json.length };
}

/** After the string's closing quote; `limit` where that lies beyond it. */
function endOfString(json: string, start: number, limit: number): number {
  for (let at = start + 1; at < json.length && at < limit; at += 1) {
    if (json.charAt(at) === "\\") at += 1;
    else if (json.charAt(at) === '"') return at + 1;
  }
  return Math.min(json.length, limit);
}

function nextToken(json: string, from: number): number {
  let at = from;
  while (at < json.length && SPACE.test(json.charAt(at))) at += 1;
  return at;
}

function closing(opening: "{" | "["): string {
  return opening === "{" ? "}" : "]";
}
