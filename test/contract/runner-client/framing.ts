import { describe, expect, it } from "vitest";
import { utf8 } from "../bytes.ts";
import { waitFor } from "../wait-for.ts";
import { beginStream, linesOf, receiveScripted, requestTo } from "./harness.ts";
import type { FreshClient } from "./harness.ts";

const NOTHING_COUNTED = { malformed: 0, oversized: 0, repaired: 0 };

/** Title, what the runner sends, and the lines that come out. */
const FRAMES: readonly (readonly [string, string, readonly string[]])[] = [
  ["with the space after the colon", 'data: {"a":1}\n\n', ['{"a":1}']],
  ["without the space", 'data:{"a":1}\n\ndata:{"b":2}\n\n', ['{"a":1}', '{"b":2}']],
  [
    "several data lines joined by a space",
    'data: {"a":\ndata: [1,\ndata:2]}\n\n',
    ['{"a": [1, 2]}'],
  ],
  ["lines that end in CRLF", 'data: {"a":1}\r\n\r\ndata: {"b":2}\r\n\r\n', ['{"a":1}', '{"b":2}']],
  ["lines that end in CR", 'data: {"a":1}\r\rdata: {"b":2}\r\r', ['{"a":1}', '{"b":2}']],
  [
    "line ends of all kinds mixed",
    'data: {"a":\r\ndata: 1}\r\rdata: {"b":2}\n\r\ndata: {"c":3}\r\n\n',
    ['{"a": 1}', '{"b":2}', '{"c":3}'],
  ],
  [
    "comments before, between and inside",
    ': hello\n\n:\n\ndata: {"a":\n: in the middle\ndata: 1}\n\n: bye\n\n',
    ['{"a": 1}'],
  ],
  [
    "ids, event names, retry and unknown fields",
    'id: 7\nevent: message\nretry: 10\ndatabase: {"x":1}\ndata: {"a":1}\nfoo\n data: {"y":1}\n\n',
    ['{"a":1}'],
  ],
  ["a frame with an event name but no data", 'event: ping\n\ndata: {"a":1}\n\n', ['{"a":1}']],
  ["a byte order mark at the start", '\ufeffdata: {"a":1}\n\n', ['{"a":1}']],
  [
    "more blank lines than needed",
    '\n\n\ndata: {"a":1}\n\n\n\n\ndata: {"b":2}\n\n\n',
    ['{"a":1}', '{"b":2}'],
  ],
  ["no frame at all", "", []],
  ["comments only", ": heartbeat\n\n: heartbeat\n\n", []],
  [
    "a last frame without its blank line",
    'data: {"a":1}\n\ndata: {"b":2}\n',
    ['{"a":1}', '{"b":2}'],
  ],
  ["a last frame without any line end", 'data: {"a":1}\n\ndata: {"b":2}', ['{"a":1}', '{"b":2}']],
  ["a last frame of several lines", 'data: {"a":\ndata: 1}', ['{"a": 1}']],
];

/** About 300 bytes with everything that a cut may fall into. */
const SCRIPT =
  "\ufeff: begin\r\n\r\n" +
  'data: {"type":"RUN_STARTED","runId":"r-1"}\r\n\r\n' +
  'event: x\rid: 1\rdata:{"type":"TEXT","delta":"žluťoučký 🐎 kůň"}\r\r' +
  'data: {"type":"CUSTOM",\ndata: "value":[1,\n: comment\ndata:2]}\n\n' +
  'data: {"type":"RUN\\u005fFINISHED","n":12345678901234567890,"run_id":"r-1"}\r\n\n' +
  'data: {"type":"LAST"}';

const SCRIPT_LINES = [
  '{"type":"RUN_STARTED","runId":"r-1"}',
  '{"type":"TEXT","delta":"žluťoučký 🐎 kůň"}',
  '{"type":"CUSTOM", "value":[1, 2]}',
  '{"type":"RUN\\u005fFINISHED","n":12345678901234567890,"run_id":"r-1"}',
  '{"type":"LAST"}',
];

const SCRIPT_TYPES = ["RUN_STARTED", "TEXT", "CUSTOM", "RUN_FINISHED", "LAST"];

/** Server-sent events: what is a frame, wherever the network cuts it. */
export function framingSuite(fresh: FreshClient): void {
  describe("frames", () => {
    for (const [title, sent, lines] of FRAMES)
      it(
        `understands ${title}`,
        fresh(async (harness) => {
          const received = await receiveScripted(harness, sent);
          expect(received.lines).toEqual(lines);
          expect(received.counts).toEqual(NOTHING_COUNTED);
        }),
      );

    it(
      "drops and counts a last frame without its blank line that is not complete JSON",
      fresh(async (harness) => {
        const received = await receiveScripted(harness, 'data: {"a":1}\n\ndata: {"b":');
        expect(received.lines).toEqual(['{"a":1}']);
        expect(received.counts).toEqual({ ...NOTHING_COUNTED, malformed: 1 });
      }),
    );

    it(
      "comes to the same when the stream arrives byte by byte",
      fresh(async (harness) => {
        const bytes = Array.from(utf8(SCRIPT), (byte) => Uint8Array.of(byte));
        const received = await receiveScripted(harness, ...bytes);
        expect(received.lines).toEqual(SCRIPT_LINES);
        expect(received.events.map((event) => event.type)).toEqual(SCRIPT_TYPES);
        expect(received.counts).toEqual(NOTHING_COUNTED);
      }),
    );

    it(
      "comes to the same when the stream is cut in two anywhere",
      fresh(async (harness) => {
        const bytes = utf8(SCRIPT);
        for (let cut = 0; cut <= bytes.length; cut++) {
          const { lines, counts } = await receiveScripted(
            harness,
            bytes.subarray(0, cut),
            bytes.subarray(cut),
          );
          expect({ cut, lines }).toEqual({ cut, lines: SCRIPT_LINES });
          expect(counts).toEqual(NOTHING_COUNTED);
        }
      }),
    );

    describeLive(fresh);
  });
}

function describeLive(fresh: FreshClient): void {
  it(
    "gives an event as soon as its frame is complete, while the stream stays open",
    fresh(async ({ client, runner }) => {
      const seen: string[] = [];
      runner.script(async (exchange) => {
        await beginStream(exchange);
        for (let i = 0; i < 5; i++) {
          await exchange.write(`data: {"n":${i}}\n\n`);
          await waitFor(() => seen.length > i, { what: `event ${i} to be seen` });
        }
        await exchange.end();
      });
      const { batches } = await client.run(requestTo(runner.address));
      for await (const batch of batches) seen.push(...linesOf(batch));
      expect(seen).toEqual([0, 1, 2, 3, 4].map((n) => `{"n":${n}}`));
    }),
  );
}
