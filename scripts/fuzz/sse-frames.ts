const FRAME = /^(?::[^\n]*\n|retry: \d+\n)*(?:id: [^\n]*\n)?data: ([^\n]*)(\nid: [^\n]*)?$/;
const LINES_AT_THE_END = /(?:^|\n\n)(?::[^\n]*\n|retry: \d+\n)*$/;

/** The data of the frames in an event stream; throws unless every frame is whole and has one line. */
export function framesIn(text: string): string[] {
  if (text === "") return [];
  if (!LINES_AT_THE_END.test(text))
    throw new Error(`no whole frame at the end: ${text.slice(-200)}`);
  if (text.includes("\r")) throw new Error("a carriage return ends a line");
  const events: string[] = [];
  // what is after the last blank line are comments
  for (const frame of text.split("\n\n").slice(0, -1)) {
    const [, data] = FRAME.exec(frame) ?? [];
    if (data === undefined) throw new Error(`no frame of one line: ${frame}`);
    events.push(data);
  }
  return events;
}
