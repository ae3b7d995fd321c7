/**
 * JSON of a value, at most `maxChars` characters and `…`. What lies beyond is not visited: the cost goes by `maxChars`, however
 * large or deep the value is.
 */
export function shortJson(value: unknown, maxChars: number): string {
  const text = new ShortText(maxChars);
  write(text, value);
  return text.toString();
}

/** The first characters of a text, and `…` if there are more. Never half of a surrogate pair. */
export function shortText(text: string, maxChars: number): string {
  if (text.length <= maxChars) return text;
  const isPair = /[\uD800-\uDBFF]/.test(text.charAt(maxChars - 1));
  return `${text.slice(0, isPair ? maxChars - 1 : maxChars)}…`;
}

/** Text that takes no more once it is full. */
class ShortText {
  readonly #maxChars: number;
  #text = "";

  constructor(maxChars: number) {
    this.#maxChars = maxChars;
  }

  get isFull(): boolean {
    return this.#text.length > this.#maxChars;
  }

  add(text: string): void {
    if (!this.isFull) this.#text += text.slice(0, this.#maxChars + 1);
  }

  toString(): string {
    return shortText(this.#text, this.#maxChars);
  }
}

function write(text: ShortText, value: unknown): void {
  if (text.isFull) return;
  if (typeof value === "string") text.add(JSON.stringify(shortText(value, MAX_STRING_CHARS)));
  else if (Array.isArray(value)) {
    text.add("[");
    for (const [index, item] of value.entries()) {
      if (index > 0) text.add(", ");
      write(text, item);
      if (text.isFull) return;
    }
    text.add("]");
  } else if (typeof value === "object" && value !== null) {
    text.add("{");
    let isFirst = true;
    for (const [key, member] of Object.entries(value)) {
      text.add(`${isFirst ? "" : ", "}${JSON.stringify(shortText(key, MAX_STRING_CHARS))}: `);
      isFirst = false;
      write(text, member);
      if (text.isFull) return;
    }
    text.add("}");
  } else text.add(String(value));
}

/** Longer strings are cut before they are escaped. */
const MAX_STRING_CHARS = 2_000;
