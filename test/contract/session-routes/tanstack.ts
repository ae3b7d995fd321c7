import { describe, expect, it } from "vitest";
import { SseReader } from "../read-sse.ts";
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
import {
  allOf,
  type Event,
  json,
  playRuns,
  REPLY,
  text,
  textStart,
  types,
} from "./standard-client.ts";

/** What TanStack AI asks for at the address of its runs. */
export function tanstackSuite(fresh: FreshServer): void {
  describe("the address of runs, to TanStack AI (PROTOCOL 12.7)", () => {
    it(
      "gives a thread as messages with parts",
      fresh(async (server) => {
        const session = new SessionClient(server);
        const events = [
          { type: "REASONING_MESSAGE_START", messageId: "th", role: "reasoning" },
          { type: "REASONING_MESSAGE_CONTENT", messageId: "th", delta: "hmm" },
          { type: "REASONING_MESSAGE_END", messageId: "th" },
          { type: "TOOL_CALL_START", toolCallId: "t", toolCallName: "f", parentMessageId: "p" },
          { type: "TOOL_CALL_ARGS", toolCallId: "t", delta: '{"n":1}' },
          { type: "TOOL_CALL_END", toolCallId: "t" },
          { type: "TOOL_CALL_RESULT", messageId: "x", toolCallId: "t", content: '{"ok":true}' },
          { type: "TOOL_CALL_START", toolCallId: "u", toolCallName: "g", parentMessageId: "p" },
          { type: "TOOL_CALL_ARGS", toolCallId: "u", delta: '{"n":' },
          { type: "TOOL_CALL_END", toolCallId: "u" },
          { type: "ACTIVITY_SNAPSHOT", messageId: "y", activityType: "plan", content: {} },
        ];
        await playRuns(server, session, [
          [startedEvent("r0"), ...events.map(json), ...REPLY, finishedEvent("r0")],
        ]);
        expect(await threadOf(session)).toEqual({
          messages: [
            { id: "m-r0", role: "user", parts: [{ type: "text", content: "hi" }] },
            {
              id: "p",
              role: "assistant",
              parts: [
                { type: "thinking", content: "hmm" },
                {
                  type: "tool-call",
                  id: "t",
                  name: "f",
                  arguments: '{"n":1}',
                  input: { n: 1 },
                  output: { ok: true },
                  state: "complete",
                },
                {
                  type: "tool-call",
                  id: "u",
                  name: "g",
                  arguments: '{"n":',
                  state: "input-complete",
                },
                {
                  type: "tool-result",
                  toolCallId: "t",
                  id: "x",
                  content: '{"ok":true}',
                  state: "complete",
                },
              ],
            },
            { id: "a", role: "assistant", parts: [{ type: "text", content: "Hello" }] },
          ],
          activeRun: null,
          interrupts: null,
        });
      }),
    );

    it(
      "names the run that goes on, which can be joined from its beginning and after any of its frames",
      fresh(async (server) => {
        const session = new SessionClient(server);
        await playRuns(server, session, [[startedEvent("r0"), ...REPLY, finishedEvent("r0")]]);
        const runner = await openRunner(server, () => session.run(runBody("r1")));
        const next = { type: "TEXT_MESSAGE_START", messageId: "b", role: "assistant" };
        const said = (delta: string): string =>
          json({ type: "TEXT_MESSAGE_CONTENT", messageId: "b", delta });
        for (const event of [startedEvent("r1"), json(next), said("one ")])
          await runner.write(`data: ${event}\n\n`);
        await waitFor(async () => (await session.lines()).some((line) => line.includes("one ")));
        // without what the run itself has made: it comes again with its stream
        expect(await threadOf(session)).toEqual({
          messages: [
            { id: "m-r0", role: "user", parts: [{ type: "text", content: "hi" }] },
            { id: "a", role: "assistant", parts: [{ type: "text", content: "Hello" }] },
            { id: "m-r1", role: "user", parts: [{ type: "text", content: "hi" }] },
          ],
          activeRun: { runId: "r1" },
          interrupts: null,
        });

        const joined = await join(session, "r1");
        const seen: Event[] = [];
        let id: string | undefined;
        while (!JSON.stringify(seen).includes("one ")) {
          const frame = await joined.event();
          if (frame === null) throw new Error("the stream ended");
          seen.push(JSON.parse(frame.data) as Event);
          id = frame.id ?? id;
        }
        await joined.cancel();
        expect(seen[0]).toMatchObject({ type: "RUN_STARTED", runId: "r1" });

        await runner.write(`data: ${said("two")}\n\n`);
        await runner.write(`data: ${finishedEvent("r1")}\n\n`);
        await runner.end();
        await session.settled("r1");
        const rest = await allOf(await join(session, "r1", { "Last-Event-ID": id ?? "" }));
        expect(rest).toMatchObject([
          { type: "TEXT_MESSAGE_CONTENT", delta: "two" },
          { type: "TEXT_MESSAGE_END" },
          { type: "RUN_FINISHED", runId: "r1" },
        ]);
        // one that has ended as well
        const whole = await allOf(await join(session, "r1"));
        expect(types(whole).at(-1)).toBe("RUN_FINISHED");
        expect(await threadOf(session)).toMatchObject({ activeRun: null });
      }),
    );

    it(
      "names what the agent waits for, and the run that asked",
      fresh(async (server) => {
        const session = new SessionClient(server);
        const interrupt = { id: "i", reason: "approval" };
        const outcome = { type: "interrupt", interrupts: [interrupt] };
        const asked = json({ type: "RUN_FINISHED", threadId: "s1", runId: "r0", outcome });
        await playRuns(server, session, [[startedEvent("r0"), asked]]);
        expect(await threadOf(session)).toMatchObject({
          activeRun: null,
          interrupts: { runId: "r0", pending: [interrupt] },
        });
      }),
    );

    it(
      "answers the post of a run with its stream where it names the run in a header",
      fresh(async (server) => {
        const session = new SessionClient(server);
        server.runner.script((exchange) =>
          tell(exchange, [startedEvent("r"), textStart, text("Hi"), finishedEvent("r")]),
        );
        const response = await session.post("/agui/run", runBody(), { "X-Run-Id": "r" });
        expect(response.headers.get("Content-Type")).toBe("text/event-stream");
        expect(await response.text()).toContain("Hi");
        const asked = { "X-Run-Id": "r", Accept: "application/json" };
        const again = await session.post("/agui/run", runBody(), asked);
        expect(await again.json()).toMatchObject({ runId: "r" });
      }),
    );

    it(
      "refuses what it cannot give: no thread, no run, another offset",
      fresh(async (server) => {
        const nobody = new SessionClient(server, "nobody");
        await expectProblem(await nobody.get("/agui/run?threadId=x"), 404, "Session not found");
        const session = new SessionClient(server);
        await playRuns(server, session, [[startedEvent("r0"), finishedEvent("r0")]]);
        const missing = await session.get("/agui/run?offset=-1&runId=other");
        await expectProblem(missing, 404, "The session has no such run");
        await expectProblem(await session.get("/agui/run"), 400, /^Name a run/);
        const later = await session.get("/agui/run?offset=12&runId=r0");
        await expectProblem(later, 400, /offset=-1/);
        for (const query of ["?threadId=x", "?offset=-1&runId=r0"]) {
          const head = await session.get(`/agui/run${query}`, {}, "HEAD");
          expect([head.status, await head.text()]).toEqual([200, ""]);
        }
      }),
    );
  });
}

async function threadOf(session: SessionClient): Promise<Event> {
  const response = await session.get("/agui/run?threadId=s1");
  const body = await response.text();
  expect(response.status, body).toBe(200);
  return JSON.parse(body) as Event;
}

async function join(
  session: SessionClient,
  runId: string,
  headers: Record<string, string> = {},
): Promise<SseReader> {
  const response = await session.get(`/agui/run?offset=-1&runId=${runId}`, headers);
  if (!response.body) throw new Error(`No stream: ${response.status}`);
  expect(response.headers.get("Content-Type")).toBe("text/event-stream");
  return new SseReader(response.body);
}
