import * as fc from "fast-check";
import { concatBytes } from "../../src/stream/bytes/concat.ts";

/** Bytes, and the sizes of the pieces in which they come, to be used over and over. */
export interface CutBytes {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly sizes: readonly number[];
}

const sizes = fc.array(fc.oneof(fc.constant(1), fc.integer({ min: 1, max: 100 })), {
  minLength: 1,
  maxLength: 6,
});

/** Bytes that are cut anywhere. */
export function cutBytes(bytes: fc.Arbitrary<Uint8Array<ArrayBuffer>>): fc.Arbitrary<CutBytes> {
  return fc.record({ bytes, sizes });
}

/** More pieces of one input show nothing new, and take their time. */
const MAX_PIECES = 1_000;

/** The pieces, each a copy of its own. */
export function piecesOf({ bytes, sizes: given }: CutBytes): Uint8Array<ArrayBuffer>[] {
  const pieces: Uint8Array<ArrayBuffer>[] = [];
  const factor = Math.ceil(bytes.length / MAX_PIECES);
  for (let at = 0, index = 0; at < bytes.length; index += 1) {
    const size = (given[index % given.length] ?? 1) * factor;
    pieces.push(bytes.slice(at, at + size));
    at += size;
  }
  return pieces;
}

/** Bytes without any order, zero and 0xff among them more often than by chance. */
export const anyBytes: fc.Arbitrary<Uint8Array<ArrayBuffer>> = fc
  .uint8Array({ maxLength: 400 })
  .map((bytes) => new Uint8Array(bytes));

/** Text as a client might send it: of any script, with lone surrogates and control characters. */
export const anyText: fc.Arbitrary<string> = fc.oneof(
  fc.string({ maxLength: 80 }),
  fc.string({ unit: "binary", maxLength: 40 }),
  fc.constantFrom("", "null", "true", "0", "-1", "1e999", "__proto__", "constructor", "../../etc"),
  fc.integer({ min: 1, max: 3_000 }).map((length) => "x".repeat(length)),
);

/** A JSON value with the keys that runlog knows, where it knows them and where it does not. */
export function jsonWith(keys: readonly string[]): fc.Arbitrary<unknown> {
  const key = fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom(...keys) },
    { weight: 1, arbitrary: anyText },
  );
  return fc.letrec<{ value: unknown }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 4, depthSize: "small" },
      fc.oneof(
        anyText,
        fc.constantFrom(null, true, false, 0, -1, 1.5, 1e21, Number.MAX_SAFE_INTEGER),
        fc.constantFrom(...keys),
      ),
      fc.array(tie("value"), { maxLength: 4 }),
      fc
        .array(fc.tuple(key, tie("value")), { maxLength: 6 })
        .map((entries) => Object.fromEntries(entries)),
    ),
  })).value;
}

const encoder = new TextEncoder();

/** JSON as bytes, often damaged: cut short, with bytes changed, or nested far too deep. */
export function jsonBytes(value: fc.Arbitrary<unknown>): fc.Arbitrary<Uint8Array<ArrayBuffer>> {
  const whole = value.map((json) => encoder.encode(JSON.stringify(json)));
  const place = fc.double({ min: 0, max: 1, noNaN: true });
  return fc.oneof(
    { weight: 6, arbitrary: whole },
    {
      weight: 1,
      arbitrary: fc.tuple(whole, place).map(([bytes, at]) => bytes.slice(0, at * bytes.length)),
    },
    {
      weight: 2,
      arbitrary: fc
        .tuple(whole, place, fc.integer({ min: 0, max: 255 }))
        .map(([bytes, at, byte]) => {
          const changed = bytes.slice();
          changed[Math.floor(at * (bytes.length - 1))] = byte;
          return changed;
        }),
    },
    {
      weight: 1,
      arbitrary: fc
        .tuple(fc.constantFrom("[", '{"a":', '{"messages":['), fc.integer({ min: 1, max: 3_000 }))
        .map(([open, depth]) => encoder.encode(open.repeat(depth))),
    },
    { weight: 1, arbitrary: anyBytes },
  );
}

/** An event as a runner might send it. */
export const event: fc.Arbitrary<unknown> = fc.oneof(
  jsonWith(["type", "runId", "run_id", "threadId", "toolCallId", "toolCallName", "messages"]),
  fc.record({
    type: fc.constantFrom(
      "RUN_STARTED",
      "RUN_FINISHED",
      "RUN_ERROR",
      "TOOL_CALL_START",
      "TOOL_CALL_RESULT",
      "MESSAGES_SNAPSHOT",
      "TEXT_MESSAGE_CONTENT",
    ),
    runId: fc.oneof(fc.constantFrom("r1", "r2"), anyText),
    toolCallName: fc.constantFrom("AskUserQuestion", "ask_user_question", "Bash"),
    delta: anyText,
  }),
);

/** A body of server-sent events, well-formed in parts. */
export const eventStream: fc.Arbitrary<Uint8Array<ArrayBuffer>> = fc
  .array(
    fc.oneof(
      { weight: 6, arbitrary: jsonBytes(event).map((bytes) => [encoder.encode("data: "), bytes]) },
      {
        weight: 4,
        arbitrary: fc
          .constantFrom(
            "\n",
            "\n\n",
            "\r",
            "\r\n",
            ":",
            ": note\n",
            "data:",
            "data",
            "id: 1\n",
            "event: x\n",
            "retry: 9\n",
            "\ufeff",
          )
          .map((text) => [encoder.encode(text)]),
      },
      { weight: 1, arbitrary: anyBytes.map((bytes) => [bytes]) },
    ),
    { maxLength: 20 },
  )
  .map((parts) => concatBytes(parts.flat()));
