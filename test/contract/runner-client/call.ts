import { describe, expect, it } from "vitest";
import { concat, drain, firstDifference, lineOf, textOf, utf8 } from "../bytes.ts";
import { codeOf, reasonOf } from "../outcome.ts";
import { waitFor } from "../wait-for.ts";
import { callTo, standsStill } from "./harness.ts";
import type { FreshClient } from "./harness.ts";

const KIB = 1024;
const PIECES = 1024;
const PIECE = lineOf(64 * KIB);

/** Everything beside runs: `RunnerClient.call`. */
export function callSuite(fresh: FreshClient): void {
  describe("call", () => {
    describeAnswers(fresh);
    describeNoAnswer(fresh);
    describeBody(fresh);
  });
}

function describeAnswers(fresh: FreshClient): void {
  it(
    "posts the body as it was given, and sends no content type without one",
    fresh(async ({ client, runner }) => {
      const body = utf8('{ "text" : "ž🐎" } ');
      await client.call(callTo(runner.address, { method: "POST", path: "feedback", body }));
      await client.call(callTo(runner.address, { path: "tasks/a%2Fb/output" }));
      const base = new URL(runner.address).pathname;
      const [post, get] = runner.requests;
      expect(post).toMatchObject({ method: "POST", path: `${base}feedback` });
      expect(post?.headers["content-type"]).toBe("application/json");
      expect(textOf(post?.body ?? utf8(""))).toBe(textOf(body));
      expect(get).toMatchObject({ method: "GET", path: `${base}tasks/a%2Fb/output` });
      expect(get?.headers).not.toHaveProperty("content-type");
    }),
  );

  for (const status of [200, 204, 307, 401, 404, 422, 500, 503])
    it(
      `resolves with an answer ${status} and its body, and asks once`,
      fresh(async ({ client, runner }) => {
        const text = status === 204 ? "" : '{"detail":"ž"}';
        runner.script(async (exchange) => {
          await exchange.answer(status, { location: "/", "content-type": "text/odd" });
          if (text !== "") await exchange.write(text);
          await exchange.end();
        }, "tasks");
        const answer = await client.call(callTo(runner.address));
        expect(answer).toMatchObject({ status, contentType: "text/odd" });
        expect(answer.body ? textOf(await drain(answer.body)) : "").toBe(text);
        expect(runner.requests).toHaveLength(1);
      }),
    );

  it(
    "has no content type where the runner named none",
    fresh(async ({ client, runner }) => {
      runner.script(async (exchange) => {
        await exchange.answer(200);
        await exchange.end();
      }, "tasks");
      expect((await client.call(callTo(runner.address))).contentType).toBeNull();
    }),
  );
}

function describeNoAnswer(fresh: FreshClient): void {
  it(
    "fails with runner-unreachable when it makes no connection, or one that breaks unanswered",
    fresh(async ({ client, runner }) => {
      const nowhere = callTo(runner.unreachableAddress);
      expect(await codeOf(client.call(nowhere))).toBe("runner-unreachable");
      runner.script((exchange) => exchange.breakOff(), "tasks");
      expect(await codeOf(client.call(callTo(runner.address)))).toBe("runner-unreachable");
      expect(runner.requests).toHaveLength(1);
    }),
  );

  it(
    "fails with runner-unreachable when no answer comes in time, and closes the connection",
    fresh(async ({ client, runner }) => {
      let closed = false;
      runner.script(async (exchange) => {
        await exchange.closed;
        closed = true;
      }, "tasks");
      // long enough for the request to arrive, on a clock that runs a thousand times as fast
      const call = client.call(callTo(runner.address, { timeoutMs: 200_000 }));
      expect(await codeOf(call)).toBe("runner-unreachable");
      await waitFor(() => closed, { what: "the connection to be closed" });
    }),
  );

  it(
    "throws the signal's reason, before the call and during it",
    fresh(async ({ client, runner }) => {
      const reason = new Error("the client left");
      const abort = new AbortController();
      runner.script(async (exchange) => {
        abort.abort(reason);
        await exchange.closed;
      }, "tasks");
      const { signal } = abort;
      expect(await reasonOf(client.call(callTo(runner.address, { signal })))).toBe(reason);
      expect(await reasonOf(client.call(callTo(runner.address, { signal })))).toBe(reason);
      expect(runner.requests).toHaveLength(1);
    }),
  );
}

function describeBody(fresh: FreshClient): void {
  it(
    "gives what came before a break, then fails with runner-disconnected",
    fresh(async ({ client, runner }) => {
      runner.script(async (exchange) => {
        await exchange.answer(200);
        await exchange.write('{"half":');
        await exchange.breakOff();
      }, "tasks");
      const { body } = await client.call(callTo(runner.address));
      const reader = body?.getReader();
      expect(textOf((await reader?.read())?.value ?? utf8(""))).toBe('{"half":');
      expect(await reasonOf(Promise.resolve(reader?.read()))).toMatchObject({
        code: "runner-disconnected",
      });
    }),
  );

  it(
    "closes the connection when the body is cancelled or the signal aborts",
    fresh(async ({ client, runner }) => {
      const reason = new Error("the client left");
      for (const cancels of [true, false]) {
        const abort = new AbortController();
        let closed = false;
        runner.script(async (exchange) => {
          await exchange.answer(200);
          await exchange.write("a body without end");
          await exchange.closed;
          closed = true;
        }, "tasks");
        const { body } = await client.call(callTo(runner.address, { signal: abort.signal }));
        const reader = body?.getReader();
        await reader?.read();
        const pending = Promise.resolve(reader?.read());
        if (cancels) {
          await reader?.cancel();
          expect(await pending).toMatchObject({ done: true });
        } else {
          abort.abort(reason);
          expect(await reasonOf(pending)).toBe(reason);
        }
        await waitFor(() => closed, { what: "the connection to be closed" });
      }
    }),
  );

  it(
    "stops a runner while nobody reads, and gives a body of any size unchanged",
    fresh(async ({ client, runner }) => {
      let written = 0;
      runner.script(async (exchange) => {
        await exchange.answer(200);
        for (; written < PIECES; written++) await exchange.write(PIECE);
        await exchange.end();
      }, "tasks");
      const { body } = await client.call(callTo(runner.address));
      await standsStill(() => written);
      // the sockets of both sides buffer a few MiB
      expect(written).toBeLessThan(PIECES / 2);
      const got = body ? await drain(body) : utf8("");
      const sent = concat(Array.from({ length: PIECES }, () => PIECE));
      expect(firstDifference(got, sent)).toBe(-1);
    }),
  );
}
