import { describe, expect, it } from "vitest";
import { concat, utf8 } from "../bytes.ts";
import { MAX_EVENT_BYTES, receiveScripted } from "./harness.ts";
import type { FreshClient } from "./harness.ts";

/** Events whose bytes a parser that writes them again would change. */
const VERBATIM = [
  '{"big":12345678901234567890,"small":-0.0,"exp":1E400,"one":1.0}',
  '{"b":1,"a":2,"10":3,"9":4,"a":5}',
  '{"half":"\\ud83d","other":"\\ude00","pair":"\\ud83d\\ude00"}',
  '{"text":"žluťoučký kůň 🐎 \u2028\u2029 \u007f"}',
  '{"escapes":"\\u0041\\/\\b\\f\\n\\r\\t\\"\\\\\\u0000"}',
  '{ "spaces" : [ 1 , 2 ] ,\t"tab":null }',
  '{"__proto__":{"x":1},"":{},"deep":[[[[[[]]]]]],"t":true,"f":false}',
];

/** What runners may send that is no JSON object. */
const MALFORMED = [
  "[1,2]",
  "5",
  '"text"',
  "null",
  "hello",
  '{"a":1',
  '{"a":"unfinished',
  '{"a":1}}',
  '{"a":1} trailing',
  '{"a":1}{"b":2}',
  '{"a":1,}',
  '{"a" 1}',
  '{"a":tru}',
  '{"a":01}',
  '{"a":"\\q"}',
  '{"a":"raw\ttab"}',
  '{"a":[1}',
  "{a:1}",
  "{'a':1}",
];

/** An event, its type and its run. */
const FACTS: readonly (readonly [string, string, string | null])[] = [
  ['{"type":"RUN_STARTED","runId":"r-1"}', "RUN_STARTED", "r-1"],
  ['{"run_id":"snake","type":"X"}', "X", "snake"],
  ['{"run_id":"snake","type":"X","runId":"camel"}', "X", "camel"],
  ['{"runId":"camel","type":"X","run_id":"snake"}', "X", "camel"],
  ['{"input":{"type":"INNER","runId":"inner"},"type":"OUTER"}', "OUTER", null],
  [
    '{"messages":[{"type":"text"},{"run_id":"inner"}],"type":"MESSAGES_SNAPSHOT"}',
    "MESSAGES_SNAPSHOT",
    null,
  ],
  ['{"delta":"\\"type\\":\\"FAKE\\",\\"runId\\":\\"fake\\"","type":"TEXT"}', "TEXT", null],
  ['{"a":"}","b":["]"],"type":"BEHIND_BRACKETS"}', "BEHIND_BRACKETS", null],
  ['{"value":"type","other":"runId","type":"KEYS_ONLY"}', "KEYS_ONLY", null],
  ['{"type":"RUN\\u005fSTARTED","runId":"r\\u002d1 \\ud83d\\ude00"}', "RUN_STARTED", "r-1 😀"],
  ['{"\\u0074ype":"ESCAPED_KEY","run\\u0049d":"r"}', "ESCAPED_KEY", "r"],
  ['{ "type" : "SPACED" , "runId" : "r" }', "SPACED", "r"],
  ['{"type":"ŽLUŤ","runId":"kůň"}', "ŽLUŤ", "kůň"],
  ['{"runId":"r"}', "", "r"],
  ['{"type":7,"runId":7}', "", null],
  ['{"type":null,"runId":null}', "", null],
  ['{"type":{"type":"X"},"runId":["r"]}', "", null],
  ["{}", "", null],
  [`{"type":"${"T".repeat(256)}"}`, "T".repeat(256), null],
  [`{"type":"${"T".repeat(257)}"}`, "", null],
];

/** Events: their bytes, their facts, and what is no event. */
export function eventsSuite(fresh: FreshClient): void {
  describe("events", () => {
    describeBytes(fresh);
    describeOversized(fresh);

    it(
      "reads type and run from the top level of each event",
      fresh(async (harness) => {
        const { events, lines } = await receiveScripted(harness, framesOf(FACTS.map(([e]) => e)));
        const got = events.map((event, i) => [lines[i], event.type, event.runId]);
        expect(got).toEqual(FACTS);
      }),
    );

    it(
      "counts frames that are no JSON object and does not pass them on",
      fresh(async (harness) => {
        for (const malformed of MALFORMED) {
          const { lines, counts } = await receiveScripted(
            harness,
            framesOf(['{"before":1}', malformed, '{"after":1}']),
          );
          expect({ malformed, lines }).toEqual({
            malformed,
            lines: ['{"before":1}', '{"after":1}'],
          });
          expect(counts).toEqual({ malformed: 1, oversized: 0, repaired: 0 });
        }
      }),
    );
  });
}

function describeBytes(fresh: FreshClient): void {
  it(
    "passes each event on byte for byte",
    fresh(async (harness) => {
      const { lines, events, counts } = await receiveScripted(harness, framesOf(VERBATIM));
      expect(lines).toEqual(VERBATIM);
      expect(events.map((event) => event.bytes)).toEqual(
        VERBATIM.map((event) => utf8(event).length + 1),
      );
      expect(counts).toEqual({ malformed: 0, oversized: 0, repaired: 0 });
    }),
  );

  it(
    "keeps the order of many events and counts their bytes",
    fresh(async (harness) => {
      const want = Array.from({ length: 20_000 }, (_, i) => `{"type":"T${i % 7}","i":${i}}`);
      const { lines, events } = await receiveScripted(harness, framesOf(want));
      expect(lines).toEqual(want);
      expect(events.every((event, i) => event.type === `T${i % 7}`)).toBe(true);
    }),
  );

  it(
    "makes U+FFFD of malformed UTF-8 and counts it",
    fresh(async (harness) => {
      const malformed = [[0xff], [0xc3], [0xe2, 0x82], [0xed, 0xa0, 0x80], [0xc0, 0xaf], [0x80]];
      for (const bytes of malformed) {
        const event = concat([utf8('{"a":"<'), Uint8Array.from(bytes), utf8('>"}')]);
        const { lines, counts } = await receiveScripted(
          harness,
          concat([utf8("data: "), event, utf8('\n\ndata: {"ok":"ž"}\n\n')]),
        );
        expect(lines).toEqual([new TextDecoder().decode(event), '{"ok":"ž"}']);
        expect(counts.repaired).toBeGreaterThan(0);
        expect(counts.malformed).toBe(0);
      }
    }),
  );
}

function describeOversized(fresh: FreshClient): void {
  it(
    "passes an event of exactly the limit",
    fresh(async (harness) => {
      const event = eventOf(MAX_EVENT_BYTES);
      const { lines, events, counts } = await receiveScripted(harness, framesOf([event]));
      expect(lines[0] === event).toBe(true);
      expect(events).toMatchObject([{ bytes: MAX_EVENT_BYTES + 1, type: "BIG", runId: "r-1" }]);
      expect(counts.oversized).toBe(0);
    }),
  );

  for (const size of [MAX_EVENT_BYTES + 1, MAX_EVENT_BYTES * 20])
    it(
      `replaces an event of ${size} bytes by one CUSTOM event with its size`,
      fresh(async (harness) => {
        const sent = ['{"n":1}', eventOf(size), '{"n":2}'];
        const { lines, events, counts } = await receiveScripted(harness, framesOf(sent));
        expect([lines[0], lines[2], lines.length]).toEqual(['{"n":1}', '{"n":2}', 3]);
        expect(JSON.parse(lines[1] ?? "")).toMatchObject({
          type: "CUSTOM",
          name: "runlog:event-too-large",
          value: { size },
        });
        expect(events[1]?.type).toBe("CUSTOM");
        expect(counts).toEqual({ malformed: 0, oversized: 1, repaired: 0 });
      }),
    );

  it(
    "measures an event that comes in several data lines as it would be stored",
    fresh(async (harness) => {
      const half = "x".repeat(MAX_EVENT_BYTES / 2);
      const sent = `data: {"a":"${half}",\ndata: "b":"${half}"}\n\ndata: {"n":1}\n\n`;
      const { lines, counts } = await receiveScripted(harness, sent);
      const size = `{"a":"${half}", "b":"${half}"}`.length;
      expect(JSON.parse(lines[0] ?? "")).toMatchObject({ value: { size } });
      expect(lines.slice(1)).toEqual(['{"n":1}']);
      expect(counts.oversized).toBe(1);
    }),
  );
}

function framesOf(events: readonly string[]): string {
  return events.map((event) => `data: ${event}\n\n`).join("");
}

/** An event of exactly `size` bytes. */
function eventOf(size: number): string {
  const frame = '{"type":"BIG","runId":"r-1","pad":""}';
  return frame.replace('""', `"${"x".repeat(size - frame.length)}"`);
}
