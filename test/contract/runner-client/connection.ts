import { describe, expect, it } from "vitest";
import { RunlogError } from "../../../src/ports/errors.ts";
import { codeOf, reasonOf } from "../outcome.ts";
import { waitFor } from "../wait-for.ts";
import { beginStream, receive, receiveScripted, requestTo } from "./harness.ts";
import type { FreshClient } from "./harness.ts";

/** Connections that are refused, answered wrongly, or broken. */
export function connectionSuite(fresh: FreshClient): void {
  describe("connection", () => {
    describeUnreachable(fresh);
    describeRefused(fresh);
    describeBroken(fresh);
  });
}

function describeUnreachable(fresh: FreshClient): void {
  it(
    "fails with runner-unreachable when no attempt made a connection",
    fresh(async ({ client, runner }) => {
      const run = client.run(requestTo(runner.unreachableAddress));
      expect(await codeOf(run)).toBe("runner-unreachable");
      expect(runner.requests).toHaveLength(0);
    }),
  );

  it(
    "repeats an attempt that made no connection, and posts once when one is made",
    fresh(async ({ client, runner }) => {
      runner.script(async (exchange) => {
        await beginStream(exchange);
        await exchange.write('data: {"n":1}\n\n');
        await exchange.end();
      });
      const running = client.run(requestTo(runner.unreachableAddress));
      await runner.comeUp();
      expect((await receive(await running)).lines).toEqual(['{"n":1}']);
      expect(runner.requests).toHaveLength(1);
    }),
  );
}

function describeRefused(fresh: FreshClient): void {
  for (const status of [201, 204, 307, 401, 404, 422, 500, 503])
    it(
      `fails with runner-refused on an answer ${status}, and posts once`,
      fresh(async ({ client, runner }) => {
        runner.script(async (exchange) => {
          await exchange.answer(status, { location: runner.address });
          if (status !== 204) await exchange.write('{"detail":"no"}');
          await exchange.end();
        });
        const error = await reasonOf(client.run(requestTo(runner.address)));
        expect(error).toBeInstanceOf(RunlogError);
        expect(error).toMatchObject({ code: "runner-refused", facts: { status } });
        expect(runner.requests).toHaveLength(1);
      }),
    );

  it(
    "lets go of a refusal whose body has no end",
    fresh(async ({ client, runner }) => {
      let closed = false;
      runner.script(async (exchange) => {
        await exchange.answer(500);
        await exchange.write("an error without end");
        await exchange.closed;
        closed = true;
      });
      expect(await codeOf(client.run(requestTo(runner.address)))).toBe("runner-refused");
      await waitFor(() => closed, { what: "the connection to be closed" });
    }),
  );
}

function describeBroken(fresh: FreshClient): void {
  it(
    "delivers whole events that came before the break, then fails with runner-disconnected",
    fresh(async ({ client, runner }) => {
      const want = Array.from({ length: 500 }, (_, i) => `{"i":${i}}`);
      runner.script(async (exchange) => {
        await beginStream(exchange);
        for (let i = 0; i < want.length; i += 50)
          await exchange.write(
            want
              .slice(i, i + 50)
              .map((e) => `data: ${e}\n\n`)
              .join(""),
          );
        await exchange.write('data: {"half":');
        await exchange.breakOff();
      });
      const { lines, error } = await receive(await client.run(requestTo(runner.address)));
      expect(lines).toEqual(want);
      expect(error).toMatchObject({ code: "runner-disconnected" });
      expect(runner.requests).toHaveLength(1);
    }),
  );

  it(
    "fails with runner-disconnected when the connection breaks before the first event",
    fresh(async ({ client, runner }) => {
      runner.script(async (exchange) => {
        await beginStream(exchange);
        await exchange.breakOff();
      });
      const { lines, error } = await receive(await client.run(requestTo(runner.address)));
      expect(lines).toEqual([]);
      expect(error).toMatchObject({ code: "runner-disconnected" });
    }),
  );

  it(
    "fails with runner-disconnected, and does not post again, when no answer came",
    fresh(async ({ client, runner }) => {
      runner.script((exchange) => exchange.breakOff());
      expect(await codeOf(client.run(requestTo(runner.address)))).toBe("runner-disconnected");
      expect(runner.requests).toHaveLength(1);
    }),
  );

  it(
    "can be used again after every kind of failure",
    fresh(async (harness) => {
      const { client, runner } = harness;
      runner.script((exchange) => exchange.breakOff());
      await codeOf(client.run(requestTo(runner.address)));
      await codeOf(client.run(requestTo(runner.unreachableAddress)));
      expect((await receiveScripted(harness, 'data: {"n":1}\n\n')).lines).toEqual(['{"n":1}']);
    }),
  );
}
