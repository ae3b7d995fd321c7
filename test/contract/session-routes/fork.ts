import { describe, expect, it } from "vitest";
import { waitFor } from "../wait-for.ts";
import { playCompacted } from "./compact.ts";
import {
  expectProblem,
  finishedEvent,
  type FreshServer,
  ODD_EVENTS,
  openRunner,
  runBody,
  SessionClient,
  type SessionRoutesHarness,
  startedEvent,
  tell,
} from "./harness.ts";
import { type Event, json, text, textStart } from "./standard-client.ts";

interface Forked {
  readonly name: string;
  readonly uid: string;
  readonly cursor: string;
}

async function fork(
  server: SessionRoutesHarness,
  session: SessionClient,
  body: Record<string, unknown>,
): Promise<Forked & { readonly client: SessionClient }> {
  const response = await session.post("/fork", JSON.stringify(body));
  const answer = await response.text();
  expect(response.status, answer).toBe(201);
  const forked = JSON.parse(answer) as Forked;
  return { ...forked, client: new SessionClient(server, forked.name) };
}

/** When the events of a session arrived. */
async function timesOf(session: SessionClient): Promise<unknown[]> {
  const page = (await (await session.get("/agui/events/page?view=raw&after=")).json()) as {
    times: unknown[];
  };
  return page.times;
}

/** The cursors of the events of a view, in order. */
async function cursorsOf(session: SessionClient, query: string): Promise<string[]> {
  const count = (await session.lines(query)).length;
  const { sse } = await session.watch(query);
  const ids = (await sse.events(count)).map(({ id }) => id);
  await sse.cancel();
  return ids;
}

export function forkSuite(fresh: FreshServer): void {
  describe("a fork of a session (PROTOCOL 20.4)", () => {
    it(
      "has the log up to the cursor, byte for byte, and goes on by itself",
      fresh(async (server) => {
        const session = new SessionClient(server);
        const lines = await session.play([startedEvent(), ...ODD_EVENTS, finishedEvent()]);
        const at = (await cursorsOf(session, "?view=raw")).at(-1);
        const { client, name, uid, cursor } = await fork(server, session, {
          at,
          displayName: "Another way",
        });
        expect(await client.lines()).toEqual(lines);
        const [own, taken] = await Promise.all([timesOf(session), timesOf(client)]);
        expect(taken).toEqual(own);
        expect(own[0]).toEqual(expect.any(Number));
        const document = (await (await client.get("")).json()) as Record<string, Event>;
        expect(document).toMatchObject({
          metadata: {
            name,
            uid,
            annotations: {
              "vteam.ambient-code/forked-from": "s1",
              "vteam.ambient-code/forked-at": at,
            },
          },
          spec: { displayName: "Another way" },
        });
        server.runner.script((exchange) =>
          tell(exchange, [startedEvent("r2"), finishedEvent("r2")]),
        );
        await client.run(runBody("r2"));
        await client.settled("r2");
        expect(await session.lines()).toEqual(lines);
        const { sse } = await client.watch(`?after=${cursor}`);
        expect((await sse.event())?.data).toContain('"id":"m-r2"');
        await sse.cancel();
      }),
    );

    it(
      "ends a run that is open there, and is idle",
      fresh(async (server) => {
        const session = new SessionClient(server);
        const runner = await openRunner(server, () => session.run());
        for (const event of [startedEvent(), textStart, text("Hel")])
          await runner.write(`data: ${event}\n\n`);
        await waitFor(async () => (await session.lines()).length === 4);
        const at = (await cursorsOf(session, "?view=raw")).at(-1);
        const { client } = await fork(server, session, { at });
        const lines = await client.lines();
        expect(lines.slice(0, -1)).toEqual(await session.lines());
        expect(JSON.parse(lines.at(-1) ?? "")).toEqual({
          type: "RUN_ERROR",
          threadId: "s1",
          runId: "r",
          timestamp: expect.any(Number),
          message: "The session was forked during the run",
          code: "forked",
        });
        const document = (await (await client.get("")).json()) as { status?: Event };
        expect(document.status?.["agentStatus"]).not.toBe("working");
        const { runs } = (await (await client.get("/runs")).json()) as { runs: Event[] };
        expect(runs).toMatchObject([{ runId: "r", status: "error", error: { code: "forked" } }]);
        expect(await session.agentStatus()).toBe("working");
        await runner.end();
      }),
    );

    it(
      "is of any cursor: a client has there what it had",
      fresh(async (server) => {
        const session = new SessionClient(server);
        await playCompacted(server, session, ["r1", "r2"]);
        const compact = await cursorsOf(session, "");
        const raw = await cursorsOf(session, "?view=raw");
        for (const at of [...compact.slice(-9), ...raw.slice(-9)]) {
          const { client } = await fork(server, session, { at });
          const there = (await (await session.get(`/agui/snapshot?at=${at}`)).json()) as Event;
          const now = (await (await client.get("/agui/messages")).json()) as Event;
          expect([now["messages"], now["state"]]).toEqual([there["messages"], there["state"]]);
        }
        const whole = await fork(server, session, { at: compact.at(-1) });
        expect(await whole.client.lines()).toEqual(await session.lines());
      }),
    );

    it(
      "of nothing is a new session without events",
      fresh(async (server) => {
        const session = new SessionClient(server);
        await session.play([startedEvent(), finishedEvent()]);
        const [logId] = (await cursorsOf(session, "?view=raw"))[0]!.split("-");
        const { client } = await fork(server, session, { at: `${logId}-r0` });
        expect(await client.lines()).toEqual([]);
      }),
    );

    it(
      "needs a cursor of a session, and leaves nothing where it has none",
      fresh(async (server) => {
        const session = new SessionClient(server);
        const post = (body: unknown): Promise<Response> =>
          session.post("/fork", json(body as Event));
        const cursor = "0123456789abcdef-r0";
        await expectProblem(await post({ at: cursor }), 404, "Session not found");
        await session.play([startedEvent(), finishedEvent()]);
        const [logId] = (await cursorsOf(session, "?view=raw"))[0]!.split("-");
        for (const body of [{}, { at: "" }, { at: "x" }])
          await expectProblem(await post(body), 400, "Invalid cursor");
        await expectProblem(await post({ at: 1 }), 400, "Invalid request body");
        await expectProblem(
          await post({ at: `${logId}-r0`, displayName: 1 }),
          400,
          "Invalid request body",
        );
        for (const at of [cursor, `${logId}-r1`, `${logId}-r99999`, `${logId}-c3.99999`])
          await expectProblem(await post({ at }), 404, /^No such position: /);
        const list = (await (await server.fetch("/api/projects/p1/agentic-sessions")).json()) as {
          items: unknown[];
        };
        expect(list.items).toHaveLength(1);
      }),
    );
  });
}
