import { expect, it, onTestFinished } from "vitest";
import { createHttpRunnerClient } from "../../adapters/runner-http/index.ts";
import { systemClock } from "../../src/entry/system-clock.ts";
import { createByteBudget } from "../../src/stream/sync/byte-budget.ts";

const MIB = 1024 * 1024;
const EVENT = `data: {"type":"CUSTOM","name":"n","value":"${"x".repeat(200)}"}\n\n`;
const CHUNK = new TextEncoder().encode(EVENT.repeat(300));
const CHUNKS = 1_000;

it("a runner that always has more to say leaves turns of the event loop to others", async () => {
  let left = CHUNKS;
  const body = (): ReadableStream<Uint8Array> =>
    new ReadableStream({
      pull(controller) {
        if (left-- > 0) controller.enqueue(CHUNK);
        else controller.close();
      },
    });
  const client = createHttpRunnerClient({
    fetch: async () => new Response(body()),
    clock: systemClock,
    intakeBudget: createByteBudget(MIB),
  });
  const stop = new AbortController();
  onTestFinished(() => stop.abort());
  const { batches } = await client.run({
    key: { project: "p1", session: "s1" },
    address: "http://runner.invalid/",
    body: [],
    headers: {},
    signal: stop.signal,
  });
  let isOver = false;
  const taken = (async () => {
    let events = 0;
    for await (const batch of batches) events += batch.events.length;
    isOver = true;
    return events;
  })();
  await new Promise((resolve) => setTimeout(resolve, 0));
  expect(isOver).toBe(false);
  expect(await taken).toBe(CHUNKS * 300);
});
