import { createHttpRunnerClient } from "../../../adapters/runner-http/index.ts";
import { systemClock } from "../../../src/entry/system-clock.ts";
import { FACT_KEYS, factsOf } from "../../../src/ports/event-facts.ts";
import type { EventFacts } from "../../../src/ports/runner-client.ts";
import { JsonObjectScanner } from "../../../src/stream/json/json-scan.ts";
import { createByteBudget } from "../../../src/stream/sync/byte-budget.ts";
import { concatBytes } from "../../../src/stream/bytes/concat.ts";
import { type FuzzTarget, fuzzTarget } from "../fuzz-target.ts";
import { type CutBytes, cutBytes, eventStream, piecesOf } from "../inputs.ts";

const MAX_EVENT_BYTES = 300;
const MIB = 1024 * 1024;

/**
 * Whatever a runner streams, what comes out of it are lines, each a JSON object, with the facts that
 * the line has when it is read alone; and they are the same ones however the stream is cut.
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
  const events: EventFacts[] = [];
  for await (const batch of stream.batches) {
    for (const piece of batch.lines) lines.push(new Uint8Array(piece));
    events.push(...batch.events);
  }
  const all = concatBytes(lines);
  const bytes = events.reduce((sum, facts) => sum + facts.bytes, 0);
  if (all.length !== bytes) throw new Error(`${all.length} bytes, the facts say ${bytes}`);
  const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(all);
  if (text === "") return text;
  if (!text.endsWith("\n")) throw new Error("the last line has no end");
  for (const [place, line] of text.slice(0, -1).split("\n").entries()) {
    const value: unknown = JSON.parse(line);
    if (typeof value !== "object" || value === null || Array.isArray(value))
      throw new Error(`no object: ${line}`);
    checkFacts(events[place], line);
  }
  return text;
}

function checkFacts(given: EventFacts | undefined, line: string): void {
  // what replaces a large event has facts of that
  if (line.includes("runlog:event-too-large")) return;
  const bytes = new TextEncoder().encode(line);
  const scanner = new JsonObjectScanner(FACT_KEYS);
  scanner.push(bytes, 0, bytes.length);
  const [facts, alone] = [given, factsOf(scanner, bytes.length + 1)].map((of) =>
    JSON.stringify(of),
  );
  if (facts !== alone) throw new Error(`facts ${facts}, alone ${alone}: ${line}`);
}
