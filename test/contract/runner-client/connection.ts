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
  for (const status of [201, 204, 303, 401, 404, 422, 500, 503])
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

  for (const status of [301, 302, 307, 308])
    it(
      `follows a redirect ${status} to the same origin with the whole request, three times`,
      fresh(async ({ client, runner }) => {
        const target = new URL("elsewhere", runner.address);
        runner.script(async (exchange) => {
          await exchange.answer(status, { location: "elsewhere" });
          await exchange.end();
        });
        runner.script(async (exchange) => {
          if (runner.requests.length < 4) {
            await exchange.answer(status, { location: target.pathname });
            return exchange.end();
          }
          await beginStream(exchange);
          await exchange.write('data: {"n":1}\n\n');
          await exchange.end();
        }, "elsewhere");
        const stream = await client.run(requestTo(runner.address));
        expect((await receive(stream)).lines).toEqual(['{"n":1}']);
        const [first, ...others] = runner.requests;
        expect(others).toHaveLength(3);
        for (const { method, path, headers, body } of others) {
          expect(path).toBe(target.pathname);
          expect([method, headers["content-type"]]).toEqual(["POST", "application/json"]);
          expect(body).toEqual(first?.body);
        }
      }),
    );

  for (const [what, location, times] of [
    ["that goes round", "", 4],
    ["to another origin", "http://elsewhere.invalid:7/x?token=1", 1],
    ["with a name and a password", "http://a:b@127.0.0.1/", 1],
    ["to no HTTP address", "file:///etc/passwd", 1],
    ["to nowhere", "http://[", 1],
  ] as const)
    it(
      `fails with runner-refused on a redirect ${what}`,
      fresh(async ({ client, runner }) => {
        runner.script(async (exchange) => {
          await exchange.answer(307, { location: location || runner.address });
          await exchange.end();
        });
        const error = await reasonOf(client.run(requestTo(runner.address)));
        expect(error).toMatchObject({ code: "runner-refused", facts: { status: 307 } });
        if (what === "to another origin")
          expect(error).toMatchObject({ facts: { redirect: "http://elsewhere.invalid:7" } });
        expect(runner.requests).toHaveLength(times);
      }),
    );

  for (const [type, named] of [
    ["text/html; charset=utf-8", "text/html"],
    ["application/json", "application/json"],
    ["application/x-ndjson", "application/x-ndjson"],
    ["Application/VND.ag-ui.event+proto", "application/vnd.ag-ui.event+proto"],
    [`x/${"y".repeat(300)}`, "an odd content type"],
  ] as const)
    it(
      `fails with runner-not-an-event-stream on an answer of ${type.slice(0, 60)}`,
      fresh(async ({ client, runner }) => {
        let closed = false;
        runner.script(async (exchange) => {
          await exchange.answer(200, { "Content-Type": type });
          await exchange.write('{"type":"RUN_FINISHED"}\n');
          await exchange.closed;
          closed = true;
        });
        const error = await reasonOf(client.run(requestTo(runner.address)));
        expect(error).toMatchObject({
          code: "runner-not-an-event-stream",
          facts: { contentType: named },
        });
        await waitFor(() => closed, { what: "the connection to be closed" });
        expect(runner.requests).toHaveLength(1);
      }),
    );

  it(
    "fails with runner-address-unfit, at once, at a port that fetch never asks",
    fresh(async ({ client }) => {
      const run = client.run(requestTo("http://127.0.0.1:6000/"));
      expect(await codeOf(run)).toBe("runner-address-unfit");
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
