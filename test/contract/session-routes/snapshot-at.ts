import { describe, expect, it } from "vitest";
import { waitFor } from "../wait-for.ts";
import { playCompacted } from "./compact.ts";
import {
  expectProblem,
  finishedEvent,
  type FreshServer,
  openRunner,
  runBody,
  SessionClient,
  startedEvent,
} from "./harness.ts";
import { type Event, json, text, textStart } from "./standard-client.ts";

async function snapshotAt(session: SessionClient, cursor: string | undefined): Promise<Event> {
  const response = await session.get(`/agui/snapshot?at=${cursor}`);
  const body = await response.text();
  expect(response.status, body).toBe(200);
  expect(response.headers.get("Content-Type")).toBe("application/json");
  return JSON.parse(body) as Event;
}

export function snapshotAtSuite(fresh: FreshServer): void {
  describe("snapshots at a cursor (PROTOCOL 20.3)", () => {
    it(
      "are what a client had there: messages, state, the run, and what was open",
      fresh(async (server) => {
        const session = new SessionClient(server);
        const interrupt = { id: "i", reason: "approval" };
        const call = { type: "TOOL_CALL_START", toolCallId: "t", toolCallName: "f" };
        const events = [
          startedEvent(),
          json({ type: "STATE_SNAPSHOT", snapshot: { n: 1 } }),
          textStart,
          text("Hel"),
          json({ type: "STATE_DELTA", delta: [{ op: "replace", path: "/n", value: 2 }] }),
          json({ type: "TEXT_MESSAGE_END", messageId: "a" }),
          json({ ...call, parentMessageId: "a" }),
          json({ type: "TOOL_CALL_END", toolCallId: "t" }),
          json({
            ...JSON.parse(finishedEvent()),
            outcome: { type: "interrupt", interrupts: [interrupt] },
          }),
        ];
        await session.play(events);
        const { sse } = await session.watch("?view=raw");
        const ids = (await sse.events(events.length + 1)).map(({ id }) => id);
        await sse.cancel();
        const hi = { id: "m-r", role: "user", content: "hi" };
        const hel = { id: "a", role: "assistant", content: "Hel" };
        const run = { runId: "r", threadId: "s1" };
        const nothing = { messages: [hi], state: {}, run: null, open: [], interrupts: [] };
        const called = {
          ...hel,
          toolCalls: [{ id: "t", type: "function", function: { name: "f", arguments: "" } }],
        };
        for (const [index, expected] of [
          {},
          { run },
          { run, state: { n: 1 } },
          { run, state: { n: 1 }, messages: [hi, { ...hel, content: "" }], open: [textStart] },
          { run, state: { n: 1 }, messages: [hi, hel], open: [textStart] },
          { run, state: { n: 2 }, messages: [hi, hel], open: [textStart] },
          { run, state: { n: 2 }, messages: [hi, hel] },
          {
            run,
            state: { n: 2 },
            messages: [hi, called],
            open: [json({ ...call, parentMessageId: "a" })],
          },
          { run, state: { n: 2 }, messages: [hi, called] },
          { state: { n: 2 }, messages: [hi, called], interrupts: [interrupt] },
        ].entries()) {
          const { open = [], ...rest } = expected as { open?: readonly string[] };
          const opened = open.map((line) => JSON.parse(line) as Event);
          expect(await snapshotAt(session, ids[index])).toEqual({
            ...nothing,
            ...rest,
            open: opened,
            cursor: ids[index],
          });
        }
        const [logId] = ids[0]!.split("-");
        const start = `${logId}-r0`;
        expect(await snapshotAt(session, start)).toEqual({
          ...nothing,
          messages: [],
          cursor: start,
        });
      }),
    );

    it(
      "are the same at the end of each run, by a cursor of the raw log and of the compact one",
      fresh(async (server) => {
        const session = new SessionClient(server);
        await playCompacted(server, session, ["r1", "r2", "r3"]);
        const ends: { id: string; snapshot: Event }[][] = [];
        for (const query of ["", "?view=raw"]) {
          const count = (await session.lines(query)).length;
          const { sse } = await session.watch(query);
          const events = await sse.events(count);
          await sse.cancel();
          const finished = events.filter(({ data }) => data.includes("RUN_FINISHED"));
          // not the event that has one within
          const ids = finished
            .filter(({ data }) => data.startsWith('{"type":"RUN'))
            .map(({ id }) => id);
          ends.push(
            await Promise.all(
              ids.map(async (id) => ({ id, snapshot: await snapshotAt(session, id) })),
            ),
          );
        }
        const [compact = [], raw = []] = ends;
        expect(compact).toHaveLength(3);
        for (const [index, { id, snapshot }] of compact.entries()) {
          expect(id).toContain("-c");
          expect({ ...snapshot, cursor: null }).toEqual({ ...raw[index]?.snapshot, cursor: null });
          expect(snapshot["messages"]).toHaveLength(2 * (index + 1));
        }
      }),
    );

    it(
      "in a run in flight do not change when it goes on",
      fresh(async (server) => {
        const session = new SessionClient(server);
        const runner = await openRunner(server, () => session.run(runBody()));
        for (const event of [startedEvent(), textStart, text("Hel")])
          await runner.write(`data: ${event}\n\n`);
        await waitFor(async () => (await session.lines()).length === 4);
        const now = (await (await session.get("/agui/messages")).json()) as Event;
        const before = await snapshotAt(session, String(now["cursor"]));
        expect(before["messages"]).toEqual(now["messages"]);
        await runner.write(`data: ${text("lo")}\n\ndata: ${finishedEvent()}\n\n`);
        await runner.end();
        await session.settled();
        expect(await snapshotAt(session, String(now["cursor"]))).toEqual(before);
      }),
    );

    it(
      "need a cursor of the session's log",
      fresh(async (server) => {
        const session = new SessionClient(server);
        const get = (query: string): Promise<Response> => session.get(`/agui/snapshot${query}`);
        const cursor = "0123456789abcdef-r0";
        await expectProblem(await get(`?at=${cursor}`), 404, "The session has no log");
        await session.play([startedEvent(), finishedEvent()]);
        const now = (await (await session.get("/agui/messages")).json()) as Event;
        const [logId] = String(now["cursor"]).split("-");
        for (const query of ["", "?at=", "?at=x", `?at=${logId}-r01`])
          await expectProblem(await get(query), 400, "Invalid cursor");
        for (const at of [
          cursor,
          `${logId}-r1`,
          `${logId}-r99999`,
          `${logId}-c3.99999`,
          `${logId}-c9.0`,
        ])
          await expectProblem(await get(`?at=${at}`), 404, /^No such position: /);
        const head = await session.get(`/agui/snapshot?at=${logId}-r0`, {}, "HEAD");
        expect([head.status, await head.text()]).toEqual([200, ""]);
      }),
    );
  });
}
