const FRAME = /^data: ([^\n]*)(\nid: [^\n]*)?$/;

/** The data of the frames in an event stream; throws unless every frame is whole and has one line. */
export function framesIn(text: string): string[] {
  if (text === "") return [];
  if (!text.endsWith("\n\n")) throw new Error(`no whole frame at the end: ${text.slice(-200)}`);
  if (text.includes("\r")) throw new Error("a carriage return ends a line");
  const events: string[] = [];
  for (const frame of text.slice(0, -2).split("\n\n")) {
    if (frame.startsWith(":") || frame.startsWith("retry:")) continue;
    const [, data] = FRAME.exec(frame) ?? [];
    if (data === undefined) throw new Error(`no frame of one line: ${frame}`);
    events.push(data);
  }
  return events;
}
