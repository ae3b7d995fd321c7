import { describe, expect, it } from "vitest";
import type { EventBatch, RunnerClient } from "../../../src/ports/runner-client.ts";
import { codeOf, reasonOf } from "../outcome.ts";
import type { FreshClient } from "./harness.ts";

const KEY = { project: "p", session: "s" };
const RESUMABLE = { "Content-Type": "text/event-stream", "X-Runlog-Resume": "1" };
const frame = (n: number, id: string | null): string =>
  `data: {"n":${n}}\n${id === null ? "" : `id: ${id}\n`}\n`;

/** Streams that can be taken up: `RunnerClient.resume`, and the ids of what comes. */
export function resumeSuite(fresh: FreshClient): void {
  describe("resume", () => {
    it(
      "asks for a run's events after an id, both as they are, and says which id came last",
      fresh(async ({ client, runner }) => {
        const runId = "../a b/c?d#é&%2e";
        const path = `runs/${encodeURIComponent(runId)}/events`;
        runner.script(async (exchange) => {
          await exchange.answer(200, RESUMABLE);
          await exchange.write(`: hello\n\n${frame(1, "x 1")}id: alone\n\n${frame(2, '~"2')}`);
          await exchange.end();
        }, path);
        const stream = await resume(client, runner.address, { runId, after: "x 0" });
        expect(stream.isResumable).toBe(true);
        expect((await batchesOf(stream.batches)).at(-1)?.lastId).toBe('~"2');
        const [request] = runner.requests;
        expect(request?.path).toBe(`${new URL(runner.address).pathname}${path}`);
        expect(request?.headers).toMatchObject({ "last-event-id": "x 0" });
        await resume(client, runner.address, { runId, after: null });
        expect(runner.requests[1]?.headers["last-event-id"]).toBeUndefined();
      }),
    );

    it(
      "names no id of a batch in which an event has none that could be sent back",
      fresh(async ({ client, runner }) => {
        for (const id of [null, "x".repeat(257), "é", "a\tb"]) {
          runner.script(async (exchange) => {
            await exchange.answer(200, RESUMABLE);
            await exchange.write(frame(1, id) + frame(2, "2"));
            await exchange.end();
          }, "runs/r/events");
          const { batches } = await resume(client, runner.address, { runId: "r", after: null });
          const ids = (await batchesOf(batches)).map(({ lastId }) => lastId);
          expect(ids[0], String(id)).toBeNull();
        }
      }),
    );

    it(
      "delivers no event whose frame broke off, since its id may be missing or cut",
      fresh(async ({ client, runner }) => {
        for (const rest of ['data: {"n":2}', 'data: {"n":2}\nid: 2', 'data: {"n":2}\nid: 2\n']) {
          runner.script(async (exchange) => {
            await exchange.answer(200, RESUMABLE);
            await exchange.write(frame(1, "1") + rest);
            await exchange.end();
          }, "runs/r/events");
          const { batches } = await resume(client, runner.address, { runId: "r", after: null });
          const got = await batchesOf(batches);
          expect(got.flatMap(({ events }) => events)).toHaveLength(1);
          expect(got.at(-1)?.lastId).toBe("1");
        }
      }),
    );

    it(
      "is refused as a run is, and a run that no path can name without being asked",
      fresh(async ({ client, runner }) => {
        const asked = resume(client, runner.address, { runId: "unknown", after: null });
        expect(await reasonOf(asked)).toMatchObject({ facts: { status: 404 } });
        const before = runner.requests.length;
        const unnamed = resume(client, runner.address, { runId: "..", after: null });
        expect(await reasonOf(unnamed)).toMatchObject({ facts: { status: 404 } });
        expect(runner.requests).toHaveLength(before);
        const away = resume(client, runner.unreachableAddress, { runId: "r", after: null });
        expect(await codeOf(away)).toBe("runner-unreachable");
      }),
    );
  });
}

async function resume(
  client: RunnerClient,
  address: string,
  asked: { readonly runId: string; readonly after: string | null },
) {
  if (!client.resume) throw new Error("This client takes no run up");
  const { signal } = new AbortController();
  return client.resume({ key: KEY, address, signal, ...asked });
}

async function batchesOf(batches: AsyncIterable<EventBatch>): Promise<EventBatch[]> {
  const all: EventBatch[] = [];
  for await (const batch of batches) all.push(batch);
  return all;
}
