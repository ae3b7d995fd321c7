/** Throws unless `text` is lines that are JSON objects, the last one with its LF as well. */
export function assertObjectLines(text: string): void {
  if (text === "") return;
  if (!text.endsWith("\n")) throw new Error(`the last line has no end: ${text}`);
  for (const line of text.slice(0, -1).split("\n")) assertObject(line);
}

/** Throws unless `text` is a JSON object. */
function assertObject(text: string): void {
  const value: unknown = JSON.parse(text);
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new Error(`no object: ${text}`);
}
