import { describe, expect, it } from "vitest";
import { concat, lineOf, textOf, utf8 } from "../bytes.ts";
import { reasonOf } from "../outcome.ts";
import { waitFor } from "../wait-for.ts";
import {
  beginStream,
  linesOf,
  receive,
  receiveScripted,
  requestTo,
  standsStill,
} from "./harness.ts";
import type { FreshClient } from "./harness.ts";

const MIB = 1024 * 1024;
const EVENTS = 1024;
const SENT_BYTES = 64 * MIB;

/** What is sent, when it stops, and who can end it. */
export function flowSuite(fresh: FreshClient): void {
  describe("flow", () => {
    describeRequest(fresh);
    describeAbort(fresh);
    describeBackPressure(fresh);
  });
}

function describeRequest(fresh: FreshClient): void {
  it(
    "posts the body and the headers to the address as they were given",
    fresh(async (harness) => {
      const { client, runner } = harness;
      await receiveScripted(harness, "");
      const body = [utf8('{"text":"ž'), new Uint8Array(0), lineOf(3 * MIB), utf8('🐎"} ')];
      const headers = { "X-Current-User-ID": "ann", "X-Ambient-Session-Token": "t-1" };
      await receive(await client.run(requestTo(runner.address, { body, headers })));
      const [, request] = runner.requests;
      expect(request?.method).toBe("POST");
      expect(request?.path).toBe(new URL(runner.address).pathname);
      expect(textOf(request?.body ?? utf8("")) === textOf(concat(body))).toBe(true);
      expect(request?.headers).toMatchObject({
        "x-current-user-id": "ann",
        "x-ambient-session-token": "t-1",
        "content-type": "application/json",
        accept: "text/event-stream",
      });
    }),
  );
}

function describeAbort(fresh: FreshClient): void {
  const reason = new Error("the run was stopped");

  it(
    "makes no attempt when the signal is aborted already",
    fresh(async ({ client, runner }) => {
      const request = requestTo(runner.address, { signal: AbortSignal.abort(reason) });
      expect(await reasonOf(client.run(request))).toBe(reason);
      expect(runner.requests).toHaveLength(0);
    }),
  );

  it(
    "ends the attempts and the waiting between them at once",
    fresh(async ({ client, runner }) => {
      for (const afterMs of [0, 2, 5]) {
        const abort = new AbortController();
        setTimeout(() => abort.abort(reason), afterMs);
        const request = requestTo(runner.unreachableAddress, { signal: abort.signal });
        expect(await reasonOf(client.run(request))).toBe(reason);
      }
    }),
  );

  it(
    "ends the wait for an answer and closes the connection",
    fresh(async ({ client, runner }) => {
      const abort = new AbortController();
      let closed = false;
      runner.script(async (exchange) => {
        abort.abort(reason);
        await exchange.closed;
        closed = true;
      });
      const request = requestTo(runner.address, { signal: abort.signal });
      expect(await reasonOf(client.run(request))).toBe(reason);
      await waitFor(() => closed, { what: "the connection to be closed" });
    }),
  );

  it(
    "ends the stream with the signal's reason and closes the connection",
    fresh(async ({ client, runner }) => {
      const abort = new AbortController();
      let closed = false;
      runner.script(async (exchange) => {
        await beginStream(exchange);
        await exchange.write('data: {"n":1}\n\n');
        await exchange.closed;
        closed = true;
      });
      const request = requestTo(runner.address, { signal: abort.signal });
      const batches = (await client.run(request)).batches[Symbol.asyncIterator]();
      expect((await batches.next()).done).toBe(false);
      const idle = batches.next();
      abort.abort(reason);
      expect(await reasonOf(idle)).toBe(reason);
      await waitFor(() => closed, { what: "the connection to be closed" });
    }),
  );

  it(
    "closes the connection when the consumer leaves",
    fresh(async ({ client, runner }) => {
      let closed = false;
      runner.script(async (exchange) => {
        await beginStream(exchange);
        await exchange.write('data: {"n":1}\n\n');
        await exchange.closed;
        closed = true;
      });
      for await (const batch of (await client.run(requestTo(runner.address))).batches) {
        expect(linesOf(batch)).toEqual(['{"n":1}']);
        break;
      }
      await waitFor(() => closed, { what: "the connection to be closed" });
    }),
  );
}

function describeBackPressure(fresh: FreshClient): void {
  it(
    "stops a runner while nobody pulls, and loses nothing when the consumer goes on",
    fresh(async ({ client, runner }) => {
      let written = 0;
      runner.script(async (exchange) => {
        await beginStream(exchange);
        for (let i = 0; i < EVENTS; i++) {
          await exchange.write(`data: ${numbered(i)}\n\n`);
          written += 1;
        }
        await exchange.end();
      });
      const { batches } = await client.run(requestTo(runner.address));
      await standsStill(() => written);
      // the sockets of both sides buffer a few MiB, the client no more than one batch
      expect(written).toBeLessThan(EVENTS / 2);

      const iterator = batches[Symbol.asyncIterator]();
      let read = 0;
      let paused = false;
      for (;;) {
        const { done, value } = await iterator.next();
        if (done === true) break;
        for (const line of linesOf(value)) expect(line === numbered(read++)).toBe(true);
        if (!paused && read > EVENTS / 4) {
          paused = true;
          await standsStill(() => written);
          expect(written).toBeLessThan(EVENTS);
        }
      }
      expect(read).toBe(EVENTS);
    }),
  );
}

/** The i-th of the events that make up 64 MiB with their frames. */
function numbered(i: number): string {
  return `{"type":"BULK","i":${i},"pad":"${"x".repeat(SENT_BYTES / EVENTS - 40)}"}`;
}
