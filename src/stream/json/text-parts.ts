/** A text in parts of so many characters, none of which ends within one that takes two. */
export function* textParts(text: string, chars: number): Generator<string, void, undefined> {
  for (let from = 0; from < text.length;) {
    let end = Math.min(from + chars, text.length);
    if (end < text.length && isHighSurrogate(text.charCodeAt(end - 1))) end--;
    yield text.slice(from, end);
    from = end;
  }
}

function isHighSurrogate(code: number): boolean {
  return code >= 0xd800 && code < 0xdc00;
}
