import * as fc from "fast-check";

/** A file of an older system, and the events that its readers are to see. */
export interface LegacyFile {
  readonly text: string;
  readonly events: readonly unknown[];
  /** Lines that are neither an event nor blank. */
  readonly malformed: number;
}

/** One line of such a file, without its LF. */
interface LegacyLine {
  readonly text: string;
  /** The event in it as it is shown; none if it is skipped. */
  readonly event?: unknown;
}

const timestamp = fc.oneof(
  fc.constantFrom<unknown>(
    undefined,
    null,
    "",
    0,
    1_700_000_000_000,
    -1.5,
    "soon",
    "x".repeat(300),
  ),
  fc.constantFrom<unknown>("2024-02-30T00:00:00Z", "2025-06-01T00:00:00+02:00", true, ["2025"], {}),
  fc.date({ noInvalidDate: true }).map((date) => date.toJSON() as unknown),
);

const member = fc.tuple(
  fc.constantFrom("type", "runId", "messageId", "nested", "ž€😀", "Timestamp"),
  fc.oneof(
    fc.string({ unit: "grapheme", maxLength: 20 }),
    fc.integer(),
    fc.constant({ timestamp: "2024-01-01T00:00:00Z", list: [{ timestamp: "" }] }),
  ),
);

const space = fc.constantFrom("", "", "", " ", "\t", "\r", " \r ");

const eventLine: fc.Arbitrary<LegacyLine> = fc
  .record({
    members: fc.uniqueArray(member, { maxLength: 4, selector: ([name]) => name }),
    timestamp,
    at: fc.nat({ max: 4 }),
    space,
  })
  .map(({ members, timestamp: time, at, space: gap }) => {
    const all: [string, unknown][] = [...members];
    if (time !== undefined) all.splice(at, 0, ["timestamp", time]);
    const parts = all.map(
      ([name, value]) => `${gap}${JSON.stringify(name)}${gap}:${gap}${JSON.stringify(value)}${gap}`,
    );
    const text = `${gap}{${parts.join(",")}${gap}}${gap}`;
    return { text, event: sanitised(JSON.parse(text) as Record<string, unknown>) };
  });

const skippedLine: fc.Arbitrary<LegacyLine> = fc
  .constantFrom("", "", " ", "\t\r", "{", '{"type":"torn', "null", "[]", '{"a":1}{"b":2}', "\u0000")
  .map((text) => ({ text }));

/** What the contract says of a time, by other means than the code that is tested. */
function sanitised(event: Record<string, unknown>): unknown {
  const { timestamp: time, ...rest } = event;
  if (typeof time !== "string") return event;
  const isTime = /^\d{4}-\d\d-\d\dT[\d:.]+(Z|[+-]\d\d:\d\d)$/.test(time);
  const ms = isTime && !time.startsWith("2024-02-30") ? Date.parse(time) : Number.NaN;
  return Number.isNaN(ms) ? rest : { ...event, timestamp: ms };
}

/** Old files of a few lines, whole and torn. */
export const legacyFile: fc.Arbitrary<LegacyFile> = fc
  .record({
    lines: fc.array(
      fc.oneof({ weight: 3, arbitrary: eventLine }, { weight: 2, arbitrary: skippedLine }),
      {
        maxLength: 12,
      },
    ),
    isTorn: fc.boolean(),
  })
  .map(({ lines, isTorn }) => {
    const text = lines.map((line) => `${line.text}\n`).join("");
    return {
      text: isTorn ? text.slice(0, -1) : text,
      events: lines.filter((line) => "event" in line).map(({ event }) => event),
      malformed: lines.filter((line) => !("event" in line) && !/^[ \t\r]*$/.test(line.text)).length,
    };
  });
