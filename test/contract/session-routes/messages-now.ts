import { describe, expect, it } from "vitest";
import { waitFor } from "../wait-for.ts";
import {
  expectProblem,
  finishedEvent,
  type FreshServer,
  openRunner,
  SessionClient,
  startedEvent,
  tell,
} from "./harness.ts";
import { connect, type Event, json, playRuns, REPLY, text, textStart } from "./standard-client.ts";

/** The JSON of what a session is now. */
export function messagesNowSuite(fresh: FreshServer): void {
  describe("the messages of a session as JSON (PROTOCOL 12.6)", () => {
    const hi = { id: "m-r0", role: "user", content: "hi" };
    const hello = { id: "a", role: "assistant", content: "Hello" };

    it(
      "are those that a client has which connects, with the state and the cursor after them",
      fresh(async (server) => {
        const session = new SessionClient(server);
        const state = json({ type: "STATE_SNAPSHOT", snapshot: { n: 1 } });
        await playRuns(server, session, [
          [startedEvent("r0"), state, ...REPLY, finishedEvent("r0")],
        ]);
        const response = await session.get("/agui/messages");
        expect(response.status).toBe(200);
        expect(response.headers.get("Content-Type")).toBe("application/json");
        const body = (await response.json()) as Event;
        expect(body).toEqual({
          threadId: "s1",
          messages: [hi, hello],
          state: { n: 1 },
          activeRun: null,
          waitingRuns: [],
          interrupts: [],
          cursor: expect.stringMatching(/^[a-z0-9]{16}-r\d+$/),
        });
        expect(response.headers.get("ETag")).toBe(`"${String(body["cursor"])}"`);
        // what comes after the cursor is what is not in it
        const { sse } = await session.watch(`?after=${String(body["cursor"])}`);
        await playRuns(server, session, [[startedEvent("r0")]]);
        server.runner.script((exchange) => tell(exchange, [startedEvent("r1")]));
        await session.run('{"runId":"r1","messages":[{"id":"u","role":"user","content":"x"}]}');
        expect((await sse.event())?.data).toContain('"id":"u"');
        await sse.cancel();
      }),
    );

    it(
      "say what is open, with the run that is active and those that wait",
      fresh(async (server) => {
        const session = new SessionClient(server);
        const runner = await openRunner(server, () =>
          session.run('{"runId":"a","threadId":"t","messages":[],"state":{"of":"a"}}'),
        );
        const own = (): Promise<Event> => nowOf(session);
        expect(await own()).toMatchObject({ activeRun: { runId: "a", threadId: "t" } });
        for (const event of [startedEvent("a"), textStart, text("Hel")])
          await runner.write(`data: ${event}\n\n`);
        await session.run('{"runId":"b","messages":[{"id":"u","role":"user","content":"x"}]}');
        await session.run('{"runId":"c","threadId":"t","messages":[],"state":{"of":"c"}}');
        await waitFor(async () => (await session.lines()).length === 6);
        const waiting = await own();
        expect(waiting).toEqual({
          threadId: "t",
          messages: [
            { id: "a", role: "assistant", content: "Hel" },
            { id: "u", role: "user", content: "x" },
          ],
          state: { of: "a" },
          activeRun: { runId: "a", threadId: "t" },
          waitingRuns: [
            { runId: "b", threadId: "s1" },
            { runId: "c", threadId: "t", input: { state: { of: "c" } } },
          ],
          interrupts: [],
          cursor: expect.any(String),
        });
        const document = (await (await session.get("")).json()) as { status: Event };
        expect(document.status).toMatchObject({
          agentStatus: "working",
          activeRun: { runId: "a", threadId: "t" },
        });
        server.runner.script((exchange) => {
          const sent = JSON.parse(new TextDecoder().decode(exchange.request.body)) as Event;
          const runId = String(sent["runId"]);
          return tell(exchange, [startedEvent(runId), finishedEvent(runId)]);
        });
        await runner.write(`data: ${finishedEvent("a")}\n\n`);
        await runner.end();
        await session.settled("c");
        expect(await own()).toMatchObject({ activeRun: null, waitingRuns: [], state: { of: "c" } });
        const after = (await (await session.get("")).json()) as { status: Event };
        expect(after.status).not.toHaveProperty("activeRun");
      }),
    );

    it(
      "name what the agent waits for, until a run begins",
      fresh(async (server) => {
        const session = new SessionClient(server);
        const interrupt = { id: "i", reason: "approval" };
        const outcome = { type: "interrupt", interrupts: [interrupt] };
        const older = { type: "CUSTOM", name: "on_interrupt", value: "sure?" };
        const asking = [
          startedEvent("r0"),
          json(older),
          json({ type: "RUN_FINISHED", threadId: "s1", runId: "r0", outcome }),
        ];
        await playRuns(server, session, [asking]);
        expect((await nowOf(session))["interrupts"]).toEqual([interrupt, older]);
        server.runner.script((exchange) =>
          tell(exchange, [startedEvent("r1"), finishedEvent("r1")]),
        );
        await session.run('{"runId":"r1","messages":[]}');
        await session.settled("r1");
        expect((await nowOf(session))["interrupts"]).toEqual([]);
      }),
    );

    it(
      "have a tag: 304 while nothing has come, whatever the form of the tag, and headers for HEAD",
      fresh(async (server) => {
        const session = new SessionClient(server);
        await playRuns(server, session, [[startedEvent("r0"), ...REPLY, finishedEvent("r0")]]);
        const head = await session.get("/agui/messages", {}, "HEAD");
        const etag = head.headers.get("ETag") ?? "";
        expect(head.status).toBe(200);
        expect(await head.text()).toBe("");
        for (const given of [etag, `W/${etag}`, `"other", ${etag}`, "*"]) {
          const same = await session.get("/agui/messages", { "If-None-Match": given });
          expect([same.status, same.headers.get("ETag"), await same.text()]).toEqual([
            304,
            etag,
            "",
          ]);
        }
        const runner = await openRunner(server, () => session.run('{"runId":"r1","messages":[]}'));
        // of a run of which the log has nothing yet
        const begun = await session.get("/agui/messages", { "If-None-Match": etag });
        expect(begun.status).toBe(200);
        await begun.text();
        await runner.write(`data: ${startedEvent("r1")}\n\n`);
        await waitFor(async () => (await session.lines()).length === 8);
        const other = await session.get("/agui/messages", { "If-None-Match": etag });
        expect(other.status).toBe(200);
        expect(await other.json()).toMatchObject({ activeRun: { runId: "r1" } });
        await runner.end();
        await session.settled("r1");
      }),
    );

    it(
      "are 404 for a session that is not there, and none for one without events",
      fresh(async (server) => {
        const nobody = new SessionClient(server, "nobody");
        await expectProblem(await nobody.get("/agui/messages"), 404, "Session not found");
        const head = await nobody.get("/agui/messages", {}, "HEAD");
        expect(head.status).toBe(404);
        const made = await server.fetch("/api/projects/p1/agentic-sessions", {
          method: "POST",
          headers: { "Content-Type": "application/json" },
          body: "{}",
        });
        const { name } = (await made.json()) as { name: string };
        expect(await nowOf(new SessionClient(server, name))).toMatchObject({
          threadId: name,
          messages: [],
          state: {},
          activeRun: null,
        });
      }),
    );

    it(
      "come whole where they are larger than a snapshot",
      fresh(async (server) => {
        const session = new SessionClient(server);
        const piece = "x".repeat(6 * 1024 * 1024);
        const events = [startedEvent("r0"), textStart, text(piece), text(piece)];
        server.runner.script((exchange) => tell(exchange, [...events, finishedEvent("r0")]));
        await session.run('{"runId":"r0","messages":[]}');
        await waitFor(async () => (await session.agentStatus()) === "idle");
        const { messages } = (await nowOf(session)) as { messages: { content: string }[] };
        expect(messages.map(({ content }) => content.length)).toEqual([2 * piece.length]);
      }),
    );

    it(
      "are the same by every way that a client may take",
      fresh(async (server) => {
        const session = new SessionClient(server);
        const call = [
          { type: "TOOL_CALL_START", toolCallId: "t", toolCallName: "f", parentMessageId: "p" },
          { type: "TOOL_CALL_ARGS", toolCallId: "t", delta: '{"n":1.0}' },
          { type: "TOOL_CALL_END", toolCallId: "t" },
          { type: "TOOL_CALL_RESULT", messageId: "x", toolCallId: "t", content: "done" },
          { type: "ACTIVITY_SNAPSHOT", messageId: "y", activityType: "plan", content: { n: 1 } },
        ];
        await playRuns(server, session, [
          [startedEvent("r0"), ...call.map(json), ...REPLY, finishedEvent("r0")],
        ]);
        const events = await connect(session, { protocolVersion: "1.0" }, "?view=snapshot");
        const snapshot = events.find(({ type }) => type === "MESSAGES_SNAPSHOT");
        expect((await nowOf(session))["messages"]).toEqual(snapshot?.["messages"]);
      }),
    );
  });
}

async function nowOf(session: SessionClient): Promise<Event> {
  const response = await session.get("/agui/messages");
  const body = await response.text();
  expect(response.status, body).toBe(200);
  return JSON.parse(body) as Event;
}
