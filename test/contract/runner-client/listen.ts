import { describe, expect, it } from "vitest";
import { codeOf, reasonOf } from "../outcome.ts";
import { waitFor } from "../wait-for.ts";
import { beginStream, linesOf, listenTo, receive } from "./harness.ts";
import type { FreshClient } from "./harness.ts";

const PATH = "events/thread-1";
const EVENT = '{"type":"CUSTOM","name":"n","runId":"other","value":12345678901234567890}';

/** Background events: `RunnerClient.listen`. */
export function listenSuite(fresh: FreshClient): void {
  describe("listen", () => {
    describeAsking(fresh);
    describeFailing(fresh);
    describeLeaving(fresh);
  });
}

function describeAsking(fresh: FreshClient): void {
  it(
    "asks for the thread's events, its name percent-encoded, and passes them on byte for byte",
    fresh(async ({ client, runner }) => {
      const threadId = "../a b/c?d#é&%2e";
      const path = `events/${encodeURIComponent(threadId)}`;
      runner.script(async (exchange) => {
        await beginStream(exchange);
        await exchange.write(`: heartbeat\n\ndata: ${EVENT}\n\n: heartbeat\n\ndata: {"n":1}`);
        await exchange.end();
      }, path);
      const { lines, events, error } = await receive(
        await client.listen(listenTo(runner.address, { threadId })),
      );
      expect({ lines, error }).toEqual({ lines: [EVENT, '{"n":1}'], error: null });
      expect(events[0]).toMatchObject({ type: "CUSTOM", runId: "other" });
      const [request] = runner.requests;
      expect(request).toMatchObject({
        method: "GET",
        path: `${new URL(runner.address).pathname}${path}`,
        headers: { accept: "text/event-stream" },
      });
      expect(request?.body).toHaveLength(0);
    }),
  );

  it(
    "refuses a thread that no path can name as the runner would, and does not ask",
    fresh(async ({ client, runner }) => {
      for (const threadId of ["", ".", "..", "\ud800"]) {
        const error = await reasonOf(client.listen(listenTo(runner.address, { threadId })));
        expect(error).toMatchObject({ code: "runner-refused", facts: { status: 404 } });
      }
      expect(runner.requests).toHaveLength(0);
    }),
  );
}

function describeFailing(fresh: FreshClient): void {
  it(
    "fails with runner-unreachable when it makes no connection",
    fresh(async ({ client, runner }) => {
      expect(await codeOf(client.listen(listenTo(runner.unreachableAddress)))).toBe(
        "runner-unreachable",
      );
    }),
  );

  for (const status of [204, 303, 401, 404, 503])
    it(
      `fails with runner-refused on an answer ${status}, and asks once`,
      fresh(async ({ client, runner }) => {
        runner.script(async (exchange) => {
          await exchange.answer(status, { location: runner.address });
          await exchange.end();
        }, PATH);
        const error = await reasonOf(client.listen(listenTo(runner.address)));
        expect(error).toMatchObject({ code: "runner-refused", facts: { status } });
        expect(runner.requests).toHaveLength(1);
      }),
    );

  it(
    "fails with runner-disconnected when the connection breaks before the answer or after events",
    fresh(async ({ client, runner }) => {
      runner.script((exchange) => exchange.breakOff(), PATH);
      expect(await codeOf(client.listen(listenTo(runner.address)))).toBe("runner-disconnected");
      runner.script(async (exchange) => {
        await beginStream(exchange);
        await exchange.write(`data: ${EVENT}\n\ndata: {"half":`);
        await exchange.breakOff();
      }, PATH);
      const { lines, error } = await receive(await client.listen(listenTo(runner.address)));
      expect(lines).toEqual([EVENT]);
      expect(error).toMatchObject({ code: "runner-disconnected" });
      expect(runner.requests).toHaveLength(2);
    }),
  );
}

function describeLeaving(fresh: FreshClient): void {
  it(
    "ends with the signal's reason, before the answer and after it, and closes the connection",
    fresh(async ({ client, runner }) => {
      const reason = new Error("the session was released");
      for (const answers of [false, true]) {
        const abort = new AbortController();
        let closed = false;
        runner.script(async (exchange) => {
          if (answers) await beginStream(exchange);
          else abort.abort(reason);
          await exchange.closed;
          closed = true;
        }, PATH);
        const listening = client.listen(listenTo(runner.address, { signal: abort.signal }));
        if (answers) {
          const idle = (await listening).batches[Symbol.asyncIterator]().next();
          abort.abort(reason);
          expect(await reasonOf(idle)).toBe(reason);
        } else expect(await reasonOf(listening)).toBe(reason);
        await waitFor(() => closed, { what: "the connection to be closed" });
      }
    }),
  );

  it(
    "closes the connection when the consumer leaves",
    fresh(async ({ client, runner }) => {
      let closed = false;
      runner.script(async (exchange) => {
        await beginStream(exchange);
        await exchange.write(`data: ${EVENT}\n\n`);
        await exchange.closed;
        closed = true;
      }, PATH);
      for await (const batch of (await client.listen(listenTo(runner.address))).batches) {
        expect(linesOf(batch)).toEqual([EVENT]);
        break;
      }
      await waitFor(() => closed, { what: "the connection to be closed" });
    }),
  );
}
