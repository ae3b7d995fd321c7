import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { FIRST_HASH, seal } from "../../../scripts/bench/hash-chain.ts";
import { checkLog } from "../../../scripts/soak/check-log.ts";
import { createStreamChecker } from "../../../scripts/soak/stream-checker.ts";
import { freshDir } from "../../support/server-process.ts";

const LOG_ID = "abcdefghijklmnop";
const EVENTS = [
  '{"type":"MESSAGES_SNAPSHOT","runId":"r","messages":[]}',
  '{"type":"RUN_STARTED","runId":"r"}',
  ...sealed([
    { type: "CUSTOM", runId: "r", seq: 0, value: "ü" },
    { type: "CUSTOM", runId: "r", seq: 1 },
    { type: "RUN_FINISHED", runId: "r", total: 2 },
  ]),
];

/** Each with the hash of those so far, as the runner sends them. */
function sealed(events: readonly Readonly<Record<string, unknown>>[]): string[] {
  let hash = FIRST_HASH;
  return events.map((event) => {
    const { text, hash: next } = seal(event, hash);
    hash = next;
    return text;
  });
}

interface Frame {
  readonly data: string;
  readonly id: string;
}

function framesOf(events: readonly string[]): Frame[] {
  let offset = 0;
  return events.map((data) => ({
    data,
    id: `${LOG_ID}-r${(offset += Buffer.byteLength(data) + 1)}`,
  }));
}

/** Feeds frames to a checker, cut into pieces of `size` bytes. */
function check(frames: readonly Frame[], { size = 7, cursor = null as string | null } = {}) {
  const checker = createStreamChecker({ cursor });
  const text = frames.map(({ data, id }) => `data: ${data}\nid: ${id}\n\n`).join("");
  const bytes = Buffer.from(`retry: 2000\n: heartbeat\n${text}`);
  for (let at = 0; at < bytes.length; at += size) checker.push(bytes.subarray(at, at + size));
  return checker;
}

describe("the checker of a viewer's stream", () => {
  const frames = framesOf(EVENTS);

  it("finds nothing wrong with a whole stream, however it is cut, and knows what was seen", () => {
    for (const size of [1, 2, 7, 64, 1_000]) {
      const checker = check(frames, { size });
      expect(checker.violations).toEqual([]);
      expect(checker.events).toBe(EVENTS.length);
      expect(checker.cursor).toBe(frames.at(-1)?.id);
    }
  });

  it("finds nothing wrong when a connection breaks within a frame and the next one resumes", () => {
    const checker = check(frames.slice(0, 2));
    checker.push(Buffer.from("data: {"));
    checker.reconnect();
    for (const { data, id } of frames.slice(2))
      checker.push(Buffer.from(`data: ${data}\nid: ${id}\n\n`));
    expect(checker.violations).toEqual([]);
    expect(checker.seen).toEqual(check(frames).seen);
  });

  it.each<[string, readonly Frame[], RegExp]>([
    ["an event that is missing", frames.toSpliced(2, 1), /a hole/],
    [
      "an event that comes twice",
      frames.toSpliced(2, 0, ...frames.slice(1, 2)),
      /twice or out of order/,
    ],
    [
      "two events that changed places",
      frames.toSpliced(2, 2, ...frames.slice(2, 4).toReversed()),
      /a hole/,
    ],
    [
      "an event that was shortened",
      frames.with(2, { data: "{}", id: frames[2]?.id ?? "" }),
      /a hole/,
    ],
    [
      "a cursor of another log",
      frames.with(2, { data: EVENTS[2] ?? "", id: "0000000000000000-r9" }),
      /another log/,
    ],
    ["what is no cursor", frames.with(2, { data: EVENTS[2] ?? "", id: "x" }), /no cursor/],
  ])("finds %s", (_what, planted, expected) => {
    expect(check(planted).violations.join("\n")).toMatch(expected);
  });

  it("finds an event that is missing after the cursor with which the viewer came", () => {
    const cursor = frames[1]?.id ?? "";
    expect(check(frames.slice(2), { cursor }).violations).toEqual([]);
    expect(check(frames.slice(3), { cursor }).violations.join("\n")).toMatch(/a hole/);
  });

  it("finds what is no frame", () => {
    const checker = createStreamChecker();
    checker.push(Buffer.from("<html>\n\n"));
    expect(checker.violations.join("\n")).toMatch(/no frame/);
  });
});

describe("the checker of a log on disk", () => {
  async function checkStored(
    events: readonly string[],
    { seen = EVENTS, accepted = ["r"] as readonly string[], mustSurvive = false } = {},
  ): Promise<string> {
    const file = join(await freshDir(), "raw.jsonl");
    await writeFile(file, events.map((line) => `${line}\n`).join(""));
    const range = check(framesOf(seen)).seen;
    const ranges = range === null ? [] : [range, range];
    const expected = { file, logId: LOG_ID, from: 0, accepted, seen: ranges, mustSurvive };
    const found = await checkLog(expected);
    return found.join("\n");
  }

  it("finds a run that failed where none may, unless its agent never had it", async () => {
    const failed = [
      ...EVENTS.slice(0, 3),
      '{"type":"RUN_ERROR","runId":"r","code":"server-restarted"}',
    ];
    expect(await checkStored(failed, { seen: [] })).toBe("");
    expect(await checkStored(failed, { seen: [], mustSurvive: true })).toContain(
      "failed with server-restarted after 1 events",
    );
    const unposted = [
      EVENTS[0]!,
      EVENTS[1]!,
      '{"type":"RUN_ERROR","runId":"r","code":"server-restarted"}',
    ];
    expect(await checkStored(unposted, { seen: [], mustSurvive: true })).toBe("");
  });

  it("finds nothing wrong with a log that holds what was seen, and more", async () => {
    expect(await checkStored(EVENTS)).toBe("");
    expect(await checkStored(EVENTS, { seen: EVENTS.slice(0, 3) })).toBe("");
  });

  it.each<[string, readonly string[], RegExp]>([
    ["an event that was seen and is not stored", EVENTS.slice(0, -1), /seen up to \d+, but only/],
    [
      "an event that was stored otherwise than it was seen",
      EVENTS.with(2, EVENTS[2]?.replace("ü", "ö") ?? ""),
      /not what is stored/,
    ],
    ["a run without an end", EVENTS.slice(0, -1), /run r has no end/],
    [
      "an event that the runner sent and the log does not have",
      EVENTS.toSpliced(2, 1),
      /event 1 instead of 0/,
    ],
    ["a finished run that is not whole", EVENTS.toSpliced(3, 1), /finished with 1 of 2/],
    [
      "an event after the end of its run",
      [...EVENTS, EVENTS[1] ?? ""],
      /RUN_STARTED behind its end/,
    ],
    ["what is no event", [...EVENTS, '{"type":'], /no event/],
  ])("finds %s", async (_what, events, expected) => {
    expect(await checkStored(events)).toMatch(expected);
  });

  it("finds an event that was changed before it was stored, which nobody saw otherwise", async () => {
    const changed = EVENTS.with(2, EVENTS[2]?.replace("ü", "ö") ?? "");
    expect(await checkStored(changed, { seen: changed })).toMatch(/^run r: not what its agent/);
    const unsealed = EVENTS.with(3, '{"type":"CUSTOM","runId":"r","seq":1}');
    expect(await checkStored(unsealed, { seen: unsealed })).toMatch(/^run r: not what its agent/);
  });

  it("finds a run that was accepted and is not stored", async () => {
    expect(await checkStored(EVENTS, { accepted: ["r", "lost"] })).toMatch(/run lost was accepted/);
  });
});
