import { describe, expect, it } from "vitest";
import type { RecordedRequest, ScriptedExchange } from "../runner-client/scripted-runner.ts";
import { waitFor } from "../wait-for.ts";
import {
  finishedEvent,
  type FreshServer,
  openRunner,
  runBody,
  SessionClient,
  type SessionRoutesHarness,
  startedEvent,
  tell,
} from "./harness.ts";

const LATER = '{"type":"CUSTOM","name":"task:completed","value":12345678901234567890}';

export function backgroundEventsSuite(fresh: FreshServer): void {
  describe("background events (PROTOCOL 10)", () => {
    describeStored(fresh);
    describeConnections(fresh);
  });
}

/** Takes each request for the events of a thread and holds it open. */
function hold({ runner }: SessionRoutesHarness, threadId = "s1") {
  const held: ScriptedExchange[] = [];
  const requests: RecordedRequest[] = [];
  runner.script(
    async (exchange) => {
      requests.push(exchange.request);
      await exchange.answer(200, { "Content-Type": "text/event-stream" });
      held.push(exchange);
      await exchange.closed;
    },
    `events/${encodeURIComponent(threadId)}`,
  );
  return { requests, next: () => waitFor(() => held.shift(), { what: "the server to listen" }) };
}

async function agentStatus(session: SessionClient): Promise<unknown> {
  const document = (await (await session.get("")).json()) as { status: Record<string, unknown> };
  return document.status["agentStatus"];
}

function describeStored(fresh: FreshServer): void {
  it(
    "a run has the server listen to its thread, and what comes later is stored and sent",
    fresh(async (server) => {
      const session = new SessionClient(server);
      const threadId = "../thread/ž?";
      const { next, requests } = hold(server, threadId);
      server.runner.script((exchange) => tell(exchange, [finishedEvent()]));
      await session.run(JSON.stringify({ runId: "r", threadId, messages: [] }));
      await session.settled();
      const exchange = await next();
      expect(requests).toMatchObject([{ method: "GET", headers: { accept: "text/event-stream" } }]);
      const { sse } = await session.watch();
      await exchange.write(`: heartbeat\n\ndata: ${LATER}\n\n`);
      expect((await sse.events(2)).map(({ data }) => data)).toEqual([finishedEvent(), LATER]);
      await sse.cancel();
      expect(await session.lines()).toEqual([finishedEvent(), LATER]);
    }),
  );

  it(
    "what belongs to a run that is being carried is passed over, wherever it comes first",
    fresh(async (server) => {
      const session = new SessionClient(server);
      const { next } = hold(server);
      const runner = await openRunner(server, () =>
        session.run('{"runId":"r","threadId":"s1","messages":[]}'),
      );
      const listened = await next();
      const both = [startedEvent(), '{"type":"TEXT_MESSAGE_CONTENT","delta":"x"}'];
      for (const event of both) {
        await listened.write(`data: ${event}\n\n`);
        await runner.write(`data: ${event}\n\n`);
      }
      await runner.write(`data: ${finishedEvent()}\n\n`);
      await listened.write(`data: ${finishedEvent()}\n\ndata: ${LATER}\n\n`);
      await runner.end();
      const wanted = [...both, finishedEvent(), LATER];
      const lines = await waitFor(async () => {
        const stored = await session.lines();
        return stored.length >= wanted.length && stored;
      });
      expect(lines.toSorted()).toEqual(wanted.toSorted());
    }),
  );

  it(
    "a run that the runner begins by itself counts, and gets an end when the connection breaks",
    fresh(async (server) => {
      const session = new SessionClient(server);
      const { next } = hold(server);
      server.runner.script((exchange) => tell(exchange, [finishedEvent()]));
      await session.run();
      await session.settled();
      const exchange = await next();
      await exchange.write(`data: ${startedEvent("own")}\n\n`);
      await waitFor(async () => (await agentStatus(session)) === "working");
      await exchange.breakOff();
      const last = (await session.settled("own")).at(-1) ?? "";
      expect(JSON.parse(last)).toMatchObject({
        type: "RUN_ERROR",
        runId: "own",
        threadId: "s1",
        code: "runner-disconnected",
        message: "Runner stream ended before the run finished",
      });
      expect(await agentStatus(session)).toBe("idle");
    }),
  );
}

function describeConnections(fresh: FreshServer): void {
  it(
    "many runs of a thread have one connection, another thread has it instead",
    fresh(async (server) => {
      const session = new SessionClient(server);
      const first = hold(server);
      const second = hold(server, "other");
      for (const runId of ["a", "b", "c"]) {
        server.runner.script((exchange) => tell(exchange, [finishedEvent(runId)]));
        await session.run(runBody(runId));
        await session.settled(runId);
      }
      const exchange = await first.next();
      server.runner.script((exchanged) => tell(exchanged, [finishedEvent("d")]));
      await session.run('{"runId":"d","threadId":"other","messages":[]}');
      await exchange.closed;
      await second.next();
      expect([first.requests.length, second.requests.length]).toEqual([1, 1]);
    }),
  );

  for (const [what, status, type] of [
    ["404", 404, "application/json"],
    ["405", 405, "application/json"],
    ["something else than events", 200, "text/html"],
  ] as const)
    it(
      `a runner that answered ${what} is not asked again`,
      fresh(async (server) => {
        const session = new SessionClient(server);
        let asked = 0;
        server.runner.script(async (exchange) => {
          asked++;
          await exchange.answer(status, { "Content-Type": type });
          await exchange.end();
        }, "events/s1");
        for (const runId of ["a", "b", "c", "d"]) {
          server.runner.script((exchange) => tell(exchange, [finishedEvent(runId)]));
          await session.run(runBody(runId));
          await session.settled(runId);
          await waitFor(() => asked > 0, { what: "the server to ask" });
        }
        expect(asked).toBe(1);
      }),
    );

  it("after 503 the server asks again with the next run", () =>
    fresh(async (server) => {
      const session = new SessionClient(server);
      const asked: RecordedRequest[] = [];
      server.runner.script(async (exchange) => {
        asked.push(exchange.request);
        await exchange.answer(503);
        await exchange.end();
      }, "events/s1");
      // a run that comes while the answer is on its way does not ask for another
      for (let runs = 1; asked.length < 2; runs++) {
        const runId = `r${runs}`;
        server.runner.script((exchange) => tell(exchange, [finishedEvent(runId)]));
        await session.run(runBody(runId));
        await session.settled(runId);
        await waitFor(() => asked.length > 0, { what: "the server to ask" });
        expect(asked.length).toBeLessThanOrEqual(runs);
      }
    })());

  it.each([
    ["stopped", "POST", "/stop", 202],
    ["deleted", "DELETE", "", 204],
  ])("a session that is %s is not listened to any more", (_, method, route, status) =>
    fresh(async (server) => {
      const session = new SessionClient(server);
      const { next, requests } = hold(server);
      server.runner.script((exchange) => tell(exchange, [finishedEvent()]));
      await session.run();
      await session.settled();
      const exchange = await next();
      const response = await server.fetch(`${session.path}${route}`, { method });
      expect(response.status).toBe(status);
      await exchange.closed;
      expect(requests).toHaveLength(1);
    })(),
  );
}
