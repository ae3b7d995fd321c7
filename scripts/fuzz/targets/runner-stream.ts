import { createHttpRunnerClient } from "../../../adapters/runner-http/index.ts";
import { systemClock } from "../../../src/entry/system-clock.ts";
import { createByteBudget } from "../../../src/stream/sync/byte-budget.ts";
import { concatBytes } from "../../../src/stream/bytes/concat.ts";
import { type FuzzTarget, fuzzTarget } from "../fuzz-target.ts";
import { type CutBytes, cutBytes, eventStream, piecesOf } from "../inputs.ts";

const MAX_EVENT_BYTES = 300;
const MIB = 1024 * 1024;

/**
 * Whatever a runner streams, what comes out of it are lines, each a JSON object, with facts of the
 * same length; and they are the same ones however the stream is cut.
 */
export const target: FuzzTarget = fuzzTarget(
  "runner-stream",
  cutBytes(eventStream),
  async (input) => {
    const cut = await linesOf(input);
    const whole = await linesOf({ ...input, sizes: [Math.max(1, input.bytes.length)] });
    if (cut !== whole) throw new Error(`cut: ${cut}\nwhole: ${whole}`);
  },
);

async function linesOf(input: CutBytes): Promise<string> {
  const pieces = piecesOf(input);
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      const piece = pieces.shift();
      if (piece === undefined) controller.close();
      else controller.enqueue(piece);
    },
  });
  const client = createHttpRunnerClient({
    fetch: () => Promise.resolve(new Response(body)),
    clock: systemClock,
    intakeBudget: createByteBudget(MIB),
    maxEventBytes: MAX_EVENT_BYTES,
  });
  const stream = await client.run({
    key: { project: "p", session: "s" },
    address: "http://runner.invalid/",
    body: [],
    headers: {},
    signal: new AbortController().signal,
  });
  const lines: Uint8Array<ArrayBuffer>[] = [];
  let bytes = 0;
  for await (const batch of stream.batches) {
    for (const piece of batch.lines) lines.push(new Uint8Array(piece));
    for (const facts of batch.events) bytes += facts.bytes;
  }
  const all = concatBytes(lines);
  if (all.length !== bytes) throw new Error(`${all.length} bytes, the facts say ${bytes}`);
  const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(all);
  if (text === "") return text;
  if (!text.endsWith("\n")) throw new Error("the last line has no end");
  for (const line of text.slice(0, -1).split("\n")) {
    const value: unknown = JSON.parse(line);
    if (typeof value !== "object" || value === null || Array.isArray(value))
      throw new Error(`no object: ${line}`);
  }
  return text;
}
