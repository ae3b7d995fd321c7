import { describe, expect, it } from "vitest";
import { waitFor } from "../wait-for.ts";
import {
  expectProblem,
  finishedEvent,
  type FreshServer,
  openRunner,
  runBody,
  SessionClient,
  startedEvent,
  tell,
} from "./harness.ts";

const CANCELLED = { type: "RUN_FINISHED", threadId: "s1", outcome: { type: "cancelled" } };

async function cancel(session: SessionClient, body?: string): Promise<unknown> {
  const response = await session.post("/agui/cancel", body ?? "{}");
  expect(response.status).toBe(200);
  return response.json();
}

const lastOf = (lines: readonly string[]): unknown => JSON.parse(lines.at(-1) ?? "{}");

/** Runs that somebody cancels. */
export function cancelSuite(fresh: FreshServer): void {
  describe("a run is cancelled (PROTOCOL 9.9)", () => {
    it(
      "at once where its agent cannot be interrupted: its connection is closed, and that is its end",
      fresh(async (server) => {
        const session = new SessionClient(server);
        const runner = await openRunner(server, () => session.run());
        await runner.write(`data: ${startedEvent()}\n\n`);
        await waitFor(async () => (await session.lines()).includes(startedEvent()));
        expect(await cancel(session)).toEqual({ runId: "r", threadId: "s1" });
        await runner.closed;
        const lines = await session.settled();
        expect(lastOf(lines)).toMatchObject({ ...CANCELLED, runId: "r" });
        expect(await session.agentStatus()).toBe("idle");
        // a second time changes nothing
        expect(await cancel(session, '{"runId":"r"}')).toEqual({ runId: "r", threadId: "s1" });
        expect(await session.lines()).toEqual(lines);
        server.runner.script((exchange) => tell(exchange, [finishedEvent("next")]));
        await session.run(runBody("next"));
        await session.settled("next");
      }),
    );

    it(
      "by its agent, if that takes the interrupt: it ends the run in its own words",
      fresh(async (server) => {
        const session = new SessionClient(server);
        const runner = await openRunner(server, () => session.run());
        await runner.write(`data: ${startedEvent()}\n\n`);
        await waitFor(async () => (await session.lines()).includes(startedEvent()));
        server.runner.script(async (exchange) => {
          await runner.write(`data: ${finishedEvent()}\n\n`);
          await runner.end();
          await exchange.answer(200, { "Content-Type": "application/json" });
          await exchange.write("{}");
          await exchange.end();
        }, "interrupt");
        await cancel(session, '{"run_id":"r"}');
        expect((await session.settled()).at(-1)).toBe(finishedEvent());
      }),
    );

    it(
      "after its agent has taken the interrupt and just stops, or goes on for 2 s",
      fresh(async (server) => {
        const session = new SessionClient(server);
        for (const [runId, stops] of [
          ["stops", true],
          ["goes-on", false],
        ] as const) {
          const runner = await openRunner(server, () => session.run(runBody(runId)));
          await runner.write(`data: ${startedEvent(runId)}\n\n`);
          await waitFor(async () => (await session.lines()).includes(startedEvent(runId)));
          server.runner.script(async (exchange) => {
            await exchange.answer(200, { "Content-Type": "application/json" });
            await exchange.end();
            if (stops) await runner.end();
          }, "interrupt");
          await cancel(session);
          await runner.closed;
          expect(lastOf(await session.settled(runId))).toMatchObject({ ...CANCELLED, runId });
        }
      }),
    );

    it(
      "before its turn has come: its runner never hears of it, and the active one goes on",
      fresh(async (server) => {
        const session = new SessionClient(server);
        const runner = await openRunner(server, () => session.run(runBody("active")));
        await session.run(runBody("waiting"));
        expect(await cancel(session, '{"runId":"waiting"}')).toMatchObject({ runId: "waiting" });
        const posts = server.runner.requests.length;
        await runner.write(`data: ${finishedEvent("active")}\n\n`);
        await runner.end();
        const lines = await session.settled("waiting");
        expect(lines).toContain(finishedEvent("active"));
        expect(lastOf(lines)).toMatchObject({ ...CANCELLED, runId: "waiting" });
        expect(server.runner.requests).toHaveLength(posts);
      }),
    );

    it(
      "not if there is none, or if the body names none",
      fresh(async (server) => {
        const session = new SessionClient(server);
        await expectProblem(await session.post("/agui/cancel", "{}"), 404, "Run not found");
        const other = await session.post("/agui/cancel", '{"runId":"other"}');
        await expectProblem(other, 404, "Run not found");
        for (const body of ["[]", '{"runId":7}', "x"])
          await expectProblem(
            await session.post("/agui/cancel", body),
            400,
            /^invalid input: .*runId/,
          );
      }),
    );
  });
}
