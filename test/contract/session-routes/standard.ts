import { describe, expect, it } from "vitest";
import type { ScriptedExchange } from "../runner-client/scripted-runner.ts";
import type { SseReader } from "../read-sse.ts";
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
  type Event,
  STREAM,
  json,
  textStart,
  text,
  textEnd,
  REPLY,
  post,
  allOf,
  connect,
  types,
  playRuns,
} from "./standard-client.ts";

export function standardSuite(fresh: FreshServer): void {
  describe("the standard profile (PROTOCOL 11)", () => {
    it(
      "a run answers with its own stream, which ends after its terminal",
      fresh(async (server) => {
        const session = new SessionClient(server);
        server.runner.script((exchange) =>
          tell(exchange, [startedEvent(), ...REPLY, finishedEvent()]),
        );
        const sse = await post(session, "/agui/run", JSON.parse(runBody()), STREAM);
        const events = await allOf(sse);
        expect(events[0]).toMatchObject({ type: "RUN_STARTED", runId: "r" });
        expect(events.slice(1).map(json)).toEqual([...REPLY, finishedEvent()]);
      }),
    );

    it(
      "a session is connected to below the URL at which its runs are posted as well",
      fresh(async (server) => {
        const session = new SessionClient(server);
        await playRuns(server, session, [[startedEvent("r0"), ...REPLY, finishedEvent("r0")]]);
        // from then on the two have the same
        await waitFor(
          async () => (await session.lines("")).length < (await session.lines()).length,
          {
            what: "the compact log",
          },
        );
        for (const query of ["", "?view=snapshot", "?view=raw&profile=1.0"]) {
          const sent = await allOf(await post(session, `/agui/run/connect${query}`, {}, STREAM));
          // a run that only a snapshot has has an id of its own each time
          const lasting = (events: readonly Event[]): string[] =>
            events.map((event) => json(event).replaceAll(/"runlog-[^"]*"/g, '"runlog-"'));
          expect(lasting(sent)).toEqual(lasting(await connect(session, {}, query)));
          expect(types(sent)).toContain("RUN_FINISHED");
        }
        const nothing = await session.get("/agui/run/connect");
        expect([nothing.status, nothing.headers.get("Allow")]).toEqual([405, "POST, OPTIONS"]);
        await nothing.body?.cancel();
      }),
    );

    it(
      "the same run again gets its stream again, while it goes on and when it has finished",
      fresh(async (server) => {
        const session = new SessionClient(server);
        await playRuns(server, session, [[startedEvent("r0"), finishedEvent("r0")]]);
        const body: unknown = JSON.parse(runBody());
        let first: SseReader | undefined;
        const runner = await openRunner(server, async () => {
          first = await post(session, "/agui/run", body, STREAM);
        });
        await runner.write(`data: ${startedEvent()}\n\ndata: ${REPLY.join("\n\ndata: ")}\n\n`);
        const second = await post(session, "/agui/run", body, STREAM);
        await runner.write(`data: ${finishedEvent()}\n\n`);
        await runner.end();
        const third = async (): Promise<Event[]> =>
          allOf(await post(session, "/agui/run", body, STREAM));
        const sent = first ? await allOf(first) : [];
        expect(sent.at(-1)).toEqual(JSON.parse(finishedEvent()));
        expect(await allOf(second)).toEqual(sent);
        expect(await third()).toEqual(sent);
        expect(server.runner.requests).toHaveLength(2);
      }),
    );

    it(
      "a run that waits has a stream that is open and silent, and then its own events",
      fresh(async (server) => {
        const session = new SessionClient(server);
        const runner = await openRunner(server, () => session.run(runBody("first")));
        await runner.write(`data: ${startedEvent("first")}\n\n`);
        server.runner.script((exchange) =>
          tell(exchange, [startedEvent("second"), finishedEvent("second")]),
        );
        const sse = await post(session, "/agui/run", JSON.parse(runBody("second")), STREAM);
        await runner.write(
          `data: ${text("not of this run")}\n\ndata: ${finishedEvent("first")}\n\n`,
        );
        await runner.end();
        const events = await allOf(sse);
        expect(types(events)).toEqual(["RUN_STARTED", "RUN_FINISHED"]);
        expect(events[0]).toMatchObject({ runId: "second" });
      }),
    );

    it(
      "what is wrong with a run is said before any byte of a stream",
      fresh(async (server) => {
        const session = new SessionClient(server);
        const send = (body: string, query = ""): Promise<Response> =>
          session.post(`/agui/run${query}`, body, STREAM);
        await expectProblem(await send("{}"), 400, /^invalid input: messages/);
        await expectProblem(await send("nonsense"), 400, /^invalid input/);
        await expectProblem(
          await send(runBody(), "?profile=2.0"),
          400,
          "Invalid profile: 1.0, 0.0, or none",
        );
        const runner = await openRunner(server, () => session.run(runBody("active")));
        for (let i = 0; i < 8; i++) await session.run(runBody(`waits-${i}`));
        await expectProblem(await send(runBody("more")), 409, /not available/);
        await runner.end();
      }),
    );

    it(
      "connect tells the history of all runs and ends, with the messages that users sent",
      fresh(async (server) => {
        const session = new SessionClient(server);
        await playRuns(server, session, [
          [startedEvent("r0"), ...REPLY, finishedEvent("r0")],
          [startedEvent("r1"), finishedEvent("r1")],
        ]);
        const events = await connect(session, {}, "?view=raw");
        expect(types(events)).toEqual([
          "RUN_STARTED",
          ...REPLY.map((line) => (JSON.parse(line) as Event)["type"]),
          "RUN_FINISHED",
          "RUN_STARTED",
          "RUN_FINISHED",
        ]);
        for (const [index, at] of [0, 6].entries())
          expect(events[at]?.["input"]).toMatchObject({
            messages: [{ id: `m-r${index}`, role: "user", content: "hi" }],
            tools: [],
            context: [],
          });
      }),
    );

    it(
      "connect gives each event the cursor of what was stored, and lines that are whole their bytes",
      fresh(async (server) => {
        const session = new SessionClient(server);
        await playRuns(server, session, [[startedEvent("r0"), ...REPLY, finishedEvent("r0")]]);
        const { sse } = await session.watch("?view=raw");
        const stored = await sse.events(7);
        await sse.cancel();
        const sent = await post(session, "/agui/connect?view=raw", {});
        const events = await sent.events(6);
        expect(events.slice(1)).toEqual(stored.slice(2));
        expect(events[0]?.id).toBe(stored[1]?.id);
      }),
    );

    it(
      "an empty history is an empty answer, also for a session that nobody knows",
      fresh(async (server) => {
        const session = new SessionClient(server);
        const response = await session.post(
          "/agui/connect",
          '{"messages":[{"id":"m","role":"user","content":""}]}',
        );
        expect(response.status).toBe(200);
        expect(await response.text()).toBe("");
      }),
    );

    it(
      "connect follows the run that is active, and ends after its terminal",
      fresh(async (server) => {
        const session = new SessionClient(server);
        const runner = await openRunner(server, () => session.run());
        await runner.write(`data: ${startedEvent()}\n\ndata: ${textStart}\n\n`);
        const sse = await post(session, "/agui/connect", {});
        expect(
          (await sse.events(2)).map(({ data }) => (JSON.parse(data) as Event)["type"]),
        ).toEqual(["RUN_STARTED", "TEXT_MESSAGE_START"]);
        await runner.write(
          `data: ${text("live")}\n\ndata: ${textEnd}\n\ndata: ${finishedEvent()}\n\n`,
        );
        const rest = await allOf(sse);
        expect(rest.map(json)).toEqual([text("live"), textEnd, finishedEvent()]);
        await runner.end();
      }),
    );

    it(
      "connect follows a run that the runner has begun by itself",
      fresh(async (server) => {
        const session = new SessionClient(server);
        let listened: ScriptedExchange | undefined;
        server.runner.script(async (exchange) => {
          await exchange.answer(200, { "Content-Type": "text/event-stream" });
          listened ??= exchange;
          await exchange.closed;
        }, "events/s1");
        server.runner.script((exchange) => tell(exchange, [startedEvent(), finishedEvent()]));
        await session.run();
        await session.settled();
        const own = await waitFor(() => listened);
        await own.write(`data: ${startedEvent("own")}\n\n`);
        await waitFor(async () => (await session.lines()).includes(startedEvent("own")));
        const sse = await post(session, "/agui/connect", {});
        await sse.events(3);
        await own.write(`data: ${textStart}\n\n`);
        await sse.events(1);
        await own.end();
        expect(await allOf(sse)).toMatchObject([
          { type: "RUN_ERROR", code: "runner-disconnected", runId: "own" },
        ]);
      }),
    );

    it(
      "a run that its runner leaves open ends with an error, at once and in every later answer",
      fresh(async (server) => {
        const session = new SessionClient(server);
        const body: unknown = JSON.parse(runBody());
        server.runner.script((exchange) => tell(exchange, [startedEvent(), textStart]));
        const sent = await allOf(await post(session, "/agui/run", body, STREAM));
        expect(sent.at(-1)).toMatchObject({ type: "RUN_ERROR", code: "runner-disconnected" });
        expect((await connect(session)).at(-1)).toEqual(sent.at(-1));
      }),
    );

    it(
      "a run that fails before its runner has begun it is sent with its error, then and later",
      fresh(async (server) => {
        const session = new SessionClient(server);
        const body: unknown = JSON.parse(runBody());
        const failed = { type: "RUN_ERROR", message: "no model", code: "setup" };
        server.runner.script((exchange) => tell(exchange, [REPLY[0] ?? "", json(failed)]));
        const sent = await allOf(await post(session, "/agui/run", body, STREAM));
        expect(sent[0]).toMatchObject({ type: "RUN_STARTED", runId: "r" });
        expect(sent.at(-1)).toEqual(failed);
        expect((await connect(session)).at(-1)).toEqual(failed);
        const lines = await session.lines();
        expect(lines.filter((line) => line.includes("RUN_STARTED"))).toHaveLength(1);
      }),
    );

    it(
      "an error in the middle of a run is sent as a custom event, and the run goes on",
      fresh(async (server) => {
        const session = new SessionClient(server);
        const failed = json({ type: "RUN_ERROR", message: "too large", code: "encoding" });
        await playRuns(server, session, [
          [startedEvent("r0"), failed, ...REPLY, finishedEvent("r0")],
        ]);
        const events = await connect(session, {}, "?view=raw");
        expect(types(events)).toEqual([
          "RUN_STARTED",
          "CUSTOM",
          ...types(REPLY.map((line) => JSON.parse(line) as Event)),
          "RUN_FINISHED",
        ]);
        expect(events[1]).toMatchObject({
          name: "runlog:run-error",
          value: { message: "too large", code: "encoding" },
        });
      }),
    );

    it(
      "older clients, and those that ask for it, get the subset that all accept",
      fresh(async (server) => {
        const session = new SessionClient(server);
        const outcome = { type: "cancelled" };
        const cancelled = json({ type: "RUN_FINISHED", threadId: "s1", runId: "r0", outcome });
        const subagent = json({ type: "SUBAGENT_STARTED", subagentRunId: "s", name: "n" });
        const done = json({ type: "SUBAGENT_FINISHED", subagentRunId: "s" });
        await playRuns(server, session, [[startedEvent("r0"), subagent, done, cancelled]]);
        const newer = await connect(session, { protocolVersion: "1.0" });
        expect(newer.at(-1)).toMatchObject({ outcome });
        expect(types(newer)).toContain("SUBAGENT_STARTED");
        for (const older of [
          await connect(session),
          await connect(session, { protocolVersion: "1.0" }, "?profile=0.0"),
        ]) {
          expect(older.at(-1)).not.toHaveProperty("outcome");
          expect(types(older)).toEqual(["RUN_STARTED", "RAW", "RAW", "RUN_FINISHED"]);
        }
      }),
    );

    it(
      "a client that holds messages is emptied before it is sent the history",
      fresh(async (server) => {
        const session = new SessionClient(server);
        await playRuns(server, session, [[startedEvent("r0"), finishedEvent("r0")]]);
        const messages = [{ id: "own", role: "user", content: "" }];
        const events = await connect(session, { messages });
        expect(types(events)).toEqual([
          "RUN_STARTED",
          "MESSAGES_SNAPSHOT",
          "STATE_SNAPSHOT",
          "RUN_FINISHED",
          "RUN_STARTED",
          "RUN_FINISHED",
        ]);
      }),
    );

    const ownEnd = json({ type: "RUN_FINISHED", threadId: "own", runId: "own" });
    for (const [what, first] of [
      ["its end", json({ type: "RUN_STARTED", threadId: "own", runId: "r" })],
      ["both", json({ type: "RUN_STARTED", threadId: "own", runId: "own" })],
      ["both, and no id at the start", json({ type: "RUN_STARTED" })],
    ] as const)
      it(
        `a run has the ids that its client gave it, when its runner gives it others: ${what}`,
        fresh(async (server) => {
          const session = new SessionClient(server);
          const ids = { threadId: "mine", runId: "r" };
          server.runner.script((exchange) => tell(exchange, [first, ...REPLY, ownEnd]));
          const body: Event = { ...(JSON.parse(runBody()) as Event), ...ids };
          const sent = await allOf(await post(session, "/agui/run", body, STREAM));
          const asking = { threadId: "mine", runId: "x", messages: [] };
          const connected = await connect(session, asking, "?view=raw");
          for (const events of [sent, connected]) {
            expect(events[0]).toMatchObject({ type: "RUN_STARTED", ...ids });
            expect(events[0]).not.toHaveProperty("runnerRunId");
            expect(events.slice(1, -1).map(json)).toEqual(REPLY);
            expect(events.at(-1)).toEqual({ type: "RUN_FINISHED", ...ids });
          }
          expect(await session.lines()).toContain(ownEnd);
          expect(await allOf(await post(session, "/agui/run", body, STREAM))).toEqual(sent);
        }),
      );

    it(
      "a run that fails under its runner's id fails under the id that its client gave it",
      fresh(async (server) => {
        const session = new SessionClient(server);
        const failed = json({ type: "RUN_ERROR", runId: "own", message: "no" });
        server.runner.script((exchange) => tell(exchange, [startedEvent(), failed]));
        const sent = await allOf(await post(session, "/agui/run", JSON.parse(runBody()), STREAM));
        expect(sent.at(-1)).toEqual({ type: "RUN_ERROR", runId: "r", message: "no" });
      }),
    );

    it(
      "messages in the input of a start under the runner's own id are sent",
      fresh(async (server) => {
        const session = new SessionClient(server);
        const input = { messages: [{ id: "given", role: "user", content: "before" }] };
        const begun = json({ type: "RUN_STARTED", threadId: "s1", runId: "own", input });
        await playRuns(
          server,
          session,
          [[begun, ownEnd]].map((run) => [...run, finishedEvent("r0")]),
        );
        const sent = (await connect(session)).flatMap(({ messages, input: given }) => [
          ...((messages ?? []) as Event[]),
          ...(((given as Event | undefined)?.["messages"] ?? []) as Event[]),
        ]);
        expect(sent).toContainEqual(input.messages[0]);
      }),
    );

    const interrupted = (members: Event): string =>
      json({
        type: "RUN_FINISHED",
        threadId: "s1",
        ...members,
        outcome: { type: "interrupt", interrupts: [{ id: "i", reason: "r", n: 1 }] },
      });
    const asked = json({ type: "CUSTOM", name: "on_interrupt", value: { a: 1 } });

    it(
      "what the last run waits for is said again by snapshots and after later events",
      fresh(async (server) => {
        const session = new SessionClient(server);
        const late = json({ type: "CUSTOM", name: "late", value: 1 });
        const end = interrupted({ runId: "r0" });
        await playRuns(server, session, [[startedEvent("r0"), asked, end, late]]);
        await waitFor(async () => (await session.lines()).includes(late));
        for (const query of ["", "?view=snapshot"]) {
          const events = await connect(session, {}, query);
          const ends = events.filter(({ type }) => type === "RUN_FINISHED");
          expect(ends).toHaveLength(2);
          for (const sent of ends) expect(sent["outcome"]).toEqual(JSON.parse(end).outcome);
          const customs = events.filter(({ name }) => name === "on_interrupt").map(json);
          expect(customs).toEqual([asked, asked]);
        }
        const { sse } = await session.watch("?view=snapshot");
        await sse.frame();
        const seen: Event[] = [];
        // the last alone has a cursor
        for (let at = 0; at < 4; at++)
          seen.push(JSON.parse((await sse.frame())?.data ?? "{}") as Event);
        expect(types(seen)).toEqual(["RUN_STARTED", "MESSAGES_SNAPSHOT", "CUSTOM", "RUN_FINISHED"]);
        expect(seen.at(-1)?.["outcome"]).toEqual(JSON.parse(end).outcome);
        await sse.cancel();
        server.runner.script((exchange) => tell(exchange, [startedEvent("b"), finishedEvent("b")]));
        await session.run(runBody("b"));
        await session.settled("b");
        const resumed = await connect(session, {}, "?view=snapshot");
        expect(types(resumed)).toEqual(["RUN_STARTED", "MESSAGES_SNAPSHOT", "RUN_FINISHED"]);
        expect(resumed.at(-1)).not.toHaveProperty("outcome");
      }),
    );

    it(
      "what came after the last run is sent in a run of its own",
      fresh(async (server) => {
        const session = new SessionClient(server);
        const late = json({ type: "CUSTOM", name: "late", value: 1 });
        await playRuns(server, session, [[startedEvent("r0"), finishedEvent("r0"), late]]);
        await waitFor(async () => (await session.lines()).includes(late));
        const events = await connect(session);
        expect(types(events.slice(2))).toEqual(["RUN_STARTED", "CUSTOM", "RUN_FINISHED"]);
      }),
    );

    it(
      "connect wants a JSON object, and knows the views that it has",
      fresh(async (server) => {
        const session = new SessionClient(server);
        await expectProblem(await session.post("/agui/connect", "[]"), 400, "Invalid request body");
        await expectProblem(
          await session.post("/agui/connect?view=x", "{}"),
          400,
          "Invalid view: raw, snapshot, or none",
        );
        await expectProblem(
          await session.post("/agui/connect?profile=x", "{}"),
          400,
          "Invalid profile: 1.0, 0.0, or none",
        );
      }),
    );
  });
}
