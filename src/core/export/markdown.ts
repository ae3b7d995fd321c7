/** Longest text in a fence, such as a tool's arguments or its result, in characters. */
export const MAX_FENCED_CHARS: number = 64 * 1024;
/** Longest text on a line of its own, such as the message of an error. */
const MAX_LINE_CHARS = 2_000;

/** About so long, in characters, are the parts of a text. */
const PART_CHARS = 16 * 1024;

const LINE_ENDS = /\r\n|\r|\n/g;
const BLANK = /^[ \t]*$/;
/** An opening fence that stands in no list or quotation: nothing but its own end closes it. */
const OPENING_FENCE = /^(?:(`{3,})[^`]*|(~{3,}).*)$/s;
const CLOSING_FENCE = /^ {0,3}(`+|~+)[ \t]*$/;
/** The signs of a heading, within any lists and quotations. */
const HEADING_SIGNS = /^((?:[\s>]|(?:[-+*]|\d{1,9}[.)])(?=[\s>]))*)(#{1,6})(?=\s|$)/;
/** A line that makes the one before it a heading, or is a thematic break. */
const UNDERLINE = /^([\s>]*)(=+|-+)[ \t]*$/;
const TAG_START = /^<[A-Za-z/!?]/;
const SPECIAL = /[\\`<]/g;
const BACKTICK = "`";

/** A title of the second level. */
export function heading(text: string): string {
  return `## ${oneLine(text)}`;
}

/**
 * A message's text, in parts, as Markdown that stays within its message: it begins no heading and
 * no thematic break, contains no HTML but in code, and ends every fence that it begins. Everything
 * else is unchanged.
 */
export function* prose(text: string): Generator<string, void, undefined> {
  let fence = null as string | null;
  /** Whether every backtick of the paragraph so far belongs to a code span that is on one line. */
  let isPaired = true;
  function written(line: string): string {
    if (fence !== null) {
      const end = CLOSING_FENCE.exec(line)?.[1] ?? "";
      if (end[0] === fence[0] && end.length >= fence.length) fence = null;
      return line;
    }
    const opening = OPENING_FENCE.exec(line);
    fence = opening?.[1] ?? opening?.[2] ?? null;
    if (fence !== null || BLANK.test(line)) isPaired = true;
    if (fence !== null) return line;
    const inline = withoutTags(line, isPaired);
    isPaired = inline.isPaired;
    return inline.text.replace(HEADING_SIGNS, "$1\\$2").replace(UNDERLINE, "$1\\$2");
  }

  let part = "";
  let lineEnd = "";
  for (const line of linesOf(text)) {
    part += lineEnd + written(line);
    lineEnd = "\n";
    if (part.length < PART_CHARS) continue;
    yield part;
    part = "";
  }
  yield fence === null ? part : `${part}\n${fence}`;
}

function* linesOf(text: string): Generator<string, void, undefined> {
  let at = 0;
  for (const { index, 0: lineEnd } of text.matchAll(LINE_ENDS)) {
    yield text.slice(at, index);
    at = index + lineEnd.length;
  }
  yield text.slice(at);
}

/** A text on one line, after other text. */
export function oneLine(text: string): string {
  return withoutTags(text.slice(0, MAX_LINE_CHARS).replaceAll(/\s+/g, " ").trim(), true).text;
}

/** A code span. */
export function code(text: string): string {
  const shown = text.slice(0, MAX_LINE_CHARS).replaceAll(/\s+/g, " ").trim();
  const ticks = BACKTICK.repeat(longestRun(shown) + 1);
  const pad = shown.startsWith(BACKTICK) || shown.endsWith(BACKTICK) ? " " : "";
  return shown === "" ? "" : `${ticks}${pad}${shown}${pad}${ticks}`;
}

/**
 * A text unchanged, in a fence that is longer than any in it; a text that is too long is cut, with
 * a note.
 */
export function fenced(text: string, language: string): string {
  const shown = text.length > MAX_FENCED_CHARS ? `${text.slice(0, MAX_FENCED_CHARS)}\n[…]` : text;
  const fence = BACKTICK.repeat(Math.max(2, longestRun(shown)) + 1);
  return `${fence}${language}\n${shown}\n${fence}`;
}

/** Markdown that is folded under a summary: a label, and a name as code if there is one. */
export function* folded(
  label: string,
  name: string,
  parts: Iterable<string>,
): Generator<string, void, undefined> {
  const shown = name.slice(0, MAX_LINE_CHARS).replaceAll(/\s+/g, " ");
  const named = name === "" ? "" : `: <code>${escapeHtml(shown)}</code>`;
  yield `<details>\n<summary>${label}${named}</summary>\n\n`;
  let isEmpty = true;
  for (const part of parts) {
    isEmpty &&= part === "";
    yield part;
  }
  yield isEmpty ? "</details>" : "\n\n</details>";
}

/** A note about the conversation, not in it. */
export function note(label: string, text: string): string {
  const said = oneLine(text);
  return said === "" ? `> **${label}.**` : `> **${label}:** ${said}`;
}

/**
 * A line of text without HTML. `isPaired` is whether all backticks of the paragraph before it are
 * paired; the result's is the same for the line's end.
 */
function withoutTags(line: string, isPaired: boolean): { text: string; isPaired: boolean } {
  if (!line.includes("<") && !line.includes(BACKTICK)) return { text: line, isPaired };
  let text = "";
  let at = 0;
  while (at < line.length) {
    SPECIAL.lastIndex = at;
    const next = SPECIAL.exec(line)?.index ?? line.length;
    text += line.slice(at, next);
    at = next;
    const char = line[at] ?? "";
    if (char === BACKTICK) {
      const ticks = runAt(line, at);
      const end = isPaired ? spanEnd(line, at, ticks) : -1;
      const span = line.slice(at, end === -1 ? at + ticks : end);
      // a table is cut into its cells before anything else is looked for in them
      isPaired = end !== -1 && !span.includes("|");
      const kept = isPaired ? span : line.slice(at, at + ticks);
      text += kept;
      at += kept.length;
    } else {
      // a backslash takes the sign after it with it
      const isTag = char === "<" && TAG_START.test(line.slice(at, at + 2));
      const length = char === "\\" ? 2 : 1;
      text += isTag ? "\\<" : line.slice(at, at + length);
      at += length;
    }
  }
  return { text, isPaired };
}

/** Where the code span ends that begins with the backticks at `from`; -1 if it does not end here. */
function spanEnd(line: string, from: number, ticks: number): number {
  for (let at = line.indexOf(BACKTICK, from + ticks); at !== -1;) {
    const length = runAt(line, at);
    if (length === ticks) return at + length;
    at = line.indexOf(BACKTICK, at + length);
  }
  return -1;
}

/** How many backticks follow each other at `at`. */
function runAt(text: string, at: number): number {
  let end = at;
  while (text[end] === BACKTICK) end++;
  return end - at;
}

function longestRun(text: string): number {
  let longest = 0;
  for (let at = text.indexOf(BACKTICK); at !== -1;) {
    const length = runAt(text, at);
    longest = Math.max(longest, length);
    at = text.indexOf(BACKTICK, at + length);
  }
  return longest;
}

function escapeHtml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
