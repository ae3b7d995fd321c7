import { expect, it } from "vitest";
import { DurableStream, IdempotentProducer } from "@durable-streams/client";
import { startKilledServer } from "./killed-server.ts";

/** For how long the server is killed every second. */
const SECONDS = Number(process.env["KILL_SECONDS"] ?? 8);

it("a run that is pushed while the server is killed every second is in the log once and in order", async () => {
  const server = await startKilledServer();
  const url = `${server.url}/v1/streams/p1/killed`;
  const stream = await DurableStream.create({ url, contentType: "application/json" });
  const failures: Error[] = [];
  const producer = new IdempotentProducer(stream, "job", {
    lingerMs: 5,
    onError: (error) => failures.push(error),
    // the producer itself does not send again what had no answer
    fetch: async (input, init) => {
      for (;;) {
        const response = await fetch(input, init).catch(() => null);
        if (response && response.status < 500) return response;
        await response?.body?.cancel();
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    },
  });
  const event = (value: number): string => JSON.stringify({ type: "CUSTOM", name: "n", value });
  const started = JSON.stringify({ type: "RUN_STARTED", threadId: "killed", runId: "r1" });
  const finished = JSON.stringify({ type: "RUN_FINISHED", threadId: "killed", runId: "r1" });
  producer.append(started);
  const over = new AbortController();
  const killing = server.killEverySecond(SECONDS).finally(() => over.abort());
  const sent: string[] = [];
  while (!over.signal.aborted) {
    for (let i = 0; i < 5; i++) {
      const line = event(sent.length);
      sent.push(line);
      producer.append(line);
    }
    if (sent.length % 50 === 0) await producer.flush();
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  await killing;
  producer.append(finished);
  await producer.flush();
  expect(failures).toEqual([]);
  const read = await stream.stream({ offset: "-1", live: false });
  const events = (await read.json()).map((one) => JSON.stringify(one));
  const { kills, upKills } = server;
  console.info(
    `${kills} kills in ${SECONDS} s, ${upKills} of a server that was up, ${events.length} events`,
  );
  expect(upKills).toBeGreaterThan(0);
  expect(events).toEqual([started, ...sent, finished]);
  await server.stop();
});
