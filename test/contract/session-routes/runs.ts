import { describe, expect, it } from "vitest";
import type { ScriptedExchange } from "../runner-client/scripted-runner.ts";
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
  UNREACHABLE,
} from "./harness.ts";

type Json = Record<string, unknown>;
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const parsed = (lines: readonly string[]): Json[] => lines.map((line) => JSON.parse(line) as Json);

export function runsSuite(fresh: FreshServer): void {
  describe("runs (PROTOCOL 5)", () => {
    it(
      "answer with their ids and store the caller's messages before any event of the runner",
      fresh(async (server) => {
        const session = new SessionClient(server);
        server.runner.script((exchange) => tell(exchange, [startedEvent(), finishedEvent()]));
        const before = Date.now();
        const ids = await session.run();
        expect(ids).toEqual({ runId: "r", threadId: "s1" });
        const [snapshot, ...rest] = await session.settled();
        expect(rest).toEqual([startedEvent(), finishedEvent()]);
        expect(JSON.parse(snapshot ?? "")).toEqual({
          type: "MESSAGES_SNAPSHOT",
          ...ids,
          timestamp: expect.any(Number),
          messages: [{ id: "m-r", role: "user", content: "hi" }],
        });
        const { timestamp } = JSON.parse(snapshot ?? "") as { timestamp: number };
        expect(Number.isInteger(timestamp)).toBe(true);
        expect(timestamp).toBeGreaterThanOrEqual(before - 1000);
      }),
    );

    it(
      "reach the runner with the bytes that were posted, completed and otherwise unchanged",
      fresh(async (server) => {
        const session = new SessionClient(server);
        server.runner.script((exchange) => tell(exchange, [finishedEvent("given")]));
        const body = String.raw`{
  "zeta": 12345678901234567890, "runId":"given", "threadId": "",
  "messages": [
    {"role":"user","content":[{"type":"text","text":"\u00e9\/"}],"metadata":{"hidden":true,"x":1.0},"extra":null},
    {"role":"assistant","toolCalls":[{"id":"t"}],"id":"a1"}
  ],
  "unknown": {"b":1,"a":2}
}`;
        const ids = await session.run(body, {
          "X-Forwarded-User": "kube:admin",
          "X-Forwarded-Preferred-Username": "Ada",
        });
        expect(ids).toEqual({ runId: "given", threadId: "s1" });
        const request = await waitFor(() => server.runner.requests[0]);
        expect(request.method).toBe("POST");
        expect(request.headers).toMatchObject({
          "content-type": "application/json",
          accept: "text/event-stream",
          "x-current-user-id": "kube-admin",
          "x-current-user-name": "Ada",
        });
        const sent = new TextDecoder().decode(request.body);
        const id = (JSON.parse(sent) as { messages: { id: string }[] }).messages[0]?.id ?? "";
        expect(id).toMatch(UUID);
        expect(sent).toBe(
          body
            .replace('"threadId": ""', '"threadId": "s1"')
            .replace('{"role":"user"', `{"id":"${id}","role":"user"`)
            .replace(
              '{"hidden":true',
              '{"senderId":"kube-admin","senderDisplayName":"Ada","hidden":true',
            ),
        );
        const lines = await session.settled("given");
        const [hidden, snapshot] = parsed(lines);
        expect(hidden).toMatchObject({
          type: "RAW",
          ...ids,
          event: { type: "message_metadata", messageId: id, hidden: true },
        });
        expect(snapshot).toMatchObject({ type: "MESSAGES_SNAPSHOT", ...ids });
        expect(lines[1]).toContain(String.raw`"text":"\u00e9\/"`);
        expect(lines[1]).toContain('"x":1.0');
      }),
    );

    it(
      "without messages store no snapshot, and null counts as not given",
      fresh(async (server) => {
        const session = new SessionClient(server);
        const anonymous = '{"type":"RUN_FINISHED"}';
        server.runner.script((exchange) => tell(exchange, [anonymous]));
        const ids = await session.run(
          '{"messages":[],"threadId":null,"runId":null,"state":null,"tools":null}',
        );
        expect(ids).toEqual({ runId: expect.stringMatching(UUID), threadId: "s1" });
        const [begun, ...rest] = await session.settled();
        expect(JSON.parse(begun ?? "")).toMatchObject({ type: "RUN_STARTED", ...ids });
        expect(rest).toEqual([anonymous]);
      }),
    );

    it(
      "come one at a time: others wait in order, too many are refused, and what they said is seen at once",
      fresh(async (server) => {
        const session = new SessionClient(server);
        const runner = await openRunner(server, () => session.run(runBody("active")));
        const waiting = Array.from({ length: 8 }, (_, i) => `waiting-${i}`);
        for (const runId of waiting)
          expect(await session.run(runBody(runId))).toEqual({ runId, threadId: "s1" });
        const ninth = await session.post("/agui/run", runBody("ninth"));
        const problem = await expectProblem(ninth, 409, /not available for another one$/);
        expect(problem["runId"]).toBe("active");
        const said = parsed(await session.lines()).map(({ type, runId }) => [type, runId]);
        expect(said).toEqual(["active", ...waiting].map((runId) => ["MESSAGES_SNAPSHOT", runId]));
        // another session, also of the same name in another project, is free
        await new SessionClient(server, "s1", "p2").run();

        server.runner.script((exchange) => tell(exchange, [finishedEvent(runIdOf(exchange))]));
        await runner.write(`data: ${finishedEvent("active")}\n\n`);
        await runner.end();
        await session.settled("waiting-7");
        const ends = parsed(await session.lines()).filter(({ type }) => type === "RUN_FINISHED");
        expect(ends.map(({ runId }) => runId)).toEqual(["active", ...waiting]);
      }),
    );

    it(
      "posted again get their first answer, and nothing happens twice",
      fresh(async (server) => {
        const session = new SessionClient(server);
        const body = (runId: string) => `{"runId":"${runId}","threadId":"t","messages":[]}`;
        const answer = { runId: "active", threadId: "t" };
        const runner = await openRunner(server, async () => {
          const answers = [session.run(body("active")), session.run(body("active"))];
          expect(await Promise.all(answers)).toEqual([answer, answer]);
        });
        await session.run(body("waiting"));
        await session.run(body("waiting"));
        server.runner.script((exchange) => tell(exchange, [finishedEvent(runIdOf(exchange))]));
        await runner.write(`data: ${finishedEvent("active")}\n\n`);
        await runner.end();
        await session.settled("waiting");
        const lines = await session.lines();
        expect(lines).toEqual([finishedEvent("active"), finishedEvent("waiting")]);
        expect(await session.run('{"runId":"active","messages":[]}')).toEqual(answer);
        expect(await session.lines()).toEqual(lines);
        expect(server.runner.requests).toHaveLength(2);
      }),
    );

    it(
      "do not store again what a client sends with every run",
      fresh(async (server) => {
        const session = new SessionClient(server);
        const transcript: string[] = [];
        for (let run = 0; run < 20; run++) {
          transcript.push(`{"id":"m${run}","role":"user","content":"${"x".repeat(1000)}"}`);
          const runId = `r${run}`;
          server.runner.script((exchange) => tell(exchange, [finishedEvent(runId)]));
          await session.run(`{"runId":"${runId}","messages":[${transcript.join(",")}]}`);
          await session.settled(runId);
          const sent = server.runner.requests.at(-1)?.body ?? new Uint8Array();
          expect(new TextDecoder().decode(sent)).toContain(transcript.join(","));
        }
        const snapshots = (await session.lines()).filter((line) => line.includes("SNAPSHOT"));
        const messages = parsed(snapshots).flatMap((event) => event["messages"]);
        expect(messages).toEqual(transcript.map((text) => JSON.parse(text) as Json));
      }),
    );

    it(
      "get RUN_STARTED and RUN_ERROR when nobody listens at the runner's address",
      fresh(async (server) => {
        const session = new SessionClient(server, UNREACHABLE);
        const { runId } = await session.run();
        const events = parsed(await session.settled(runId)).slice(1);
        expect(events).toMatchObject([
          { type: "RUN_STARTED", runId, threadId: UNREACHABLE },
          {
            type: "RUN_ERROR",
            runId,
            message: "Runner is not available",
            code: "runner-unavailable",
          },
        ]);
        for (const { timestamp } of events) expect(Number.isInteger(timestamp)).toBe(true);
      }),
    );

    it(
      "get RUN_STARTED and RUN_ERROR when the runner answers something other than 200",
      fresh(async (server) => {
        const session = new SessionClient(server);
        server.runner.script(async (exchange) => {
          await exchange.answer(422, { "Content-Type": "application/json" });
          await exchange.write('{"detail":"secret address 10.0.0.1"}');
          await exchange.end();
        });
        const { runId } = await session.run();
        const lines = await session.settled(runId);
        expect(parsed(lines).slice(1)).toMatchObject([
          { type: "RUN_STARTED" },
          { type: "RUN_ERROR", message: "Runner error: HTTP 422", code: "runner-http-422" },
        ]);
        expect(lines.join("")).not.toContain("secret");
      }),
    );

    it(
      "get a RUN_ERROR that says what the runner answered instead of an event stream",
      fresh(async (server) => {
        const session = new SessionClient(server);
        server.runner.script(async (exchange) => {
          await exchange.answer(200, { "Content-Type": "text/html; charset=utf-8" });
          await exchange.write("<p>secret address 10.0.0.1</p>");
          await exchange.end();
        });
        const { runId } = await session.run();
        const lines = await session.settled(runId);
        expect(parsed(lines).slice(1)).toMatchObject([
          { type: "RUN_STARTED" },
          {
            type: "RUN_ERROR",
            message: "Runner answered text/html instead of an event stream",
            code: "runner-not-an-event-stream",
          },
        ]);
        expect(lines.join("")).not.toContain("secret");
      }),
    );

    it(
      "get a RUN_ERROR that says where the runner redirects to, without more than its origin",
      fresh(async (server) => {
        const session = new SessionClient(server);
        server.runner.script(async (exchange) => {
          await exchange.answer(307, { Location: "https://agents.example/run?token=secret" });
          await exchange.end();
        });
        const { runId } = await session.run();
        const lines = await session.settled(runId);
        expect(parsed(lines).at(-1)).toMatchObject({
          message: "Runner error: HTTP 307, a redirect to https://agents.example",
          code: "runner-http-307",
        });
        expect(lines.join("")).not.toContain("secret");
      }),
    );

    const text = '{"type":"TEXT_MESSAGE_CONTENT","messageId":"m","delta":"x"}';
    const runError = '{"type":"RUN_ERROR","message":"too large"}';
    for (const [what, events, broken] of [
      ["ends without a terminal", [startedEvent(), text], false],
      ["ends after events that follow a RUN_ERROR", [startedEvent(), runError, text], false],
      ["breaks off", [startedEvent(), text], true],
    ] as const)
      it(
        `get one RUN_ERROR when the runner's stream ${what}`,
        fresh(async (server) => {
          const session = new SessionClient(server);
          server.runner.script(async (exchange) => {
            if (!broken) return tell(exchange, events);
            await exchange.answer(200, { "Content-Type": "text/event-stream" });
            await exchange.write(events.map((event) => `data: ${event}\n\n`).join(""));
            await exchange.breakOff();
          });
          const { runId } = await session.run();
          const { sse } = await session.watch();
          const seen = await sse.until(({ data }) => data.includes("runner-disconnected"));
          await sse.cancel();
          const lines = await session.lines();
          expect(seen.map(({ data }) => data)).toEqual(lines);
          expect(lines.slice(1, -1)).toEqual(events);
          expect(JSON.parse(lines.at(-1) ?? "")).toMatchObject({
            type: "RUN_ERROR",
            runId,
            message: "Runner stream ended before the run finished",
          });
        }),
      );

    it(
      "keep the runner's own end: nothing is added after RUN_FINISHED or a last RUN_ERROR",
      fresh(async (server) => {
        const session = new SessionClient(server);
        for (const [runId, terminal] of [
          ["r1", finishedEvent("r1")],
          ["r2", runError],
        ] as const) {
          const runner = await openRunner(server, () => session.run(runBody(runId)));
          await runner.write(`data: ${startedEvent(runId)}\n\ndata: ${terminal}\n\n`);
          await runner.end();
          await waitFor(async () => (await session.lines()).at(-1) === terminal);
        }
        server.runner.script((exchange) => tell(exchange, [finishedEvent("last")]));
        await session.run(runBody("last"));
        const lines = await waitFor(async () => {
          const stored = await session.lines();
          return stored.at(-1) === finishedEvent("last") && stored;
        });
        expect(parsed(lines).map(({ type }) => type)).toEqual([
          "MESSAGES_SNAPSHOT",
          "RUN_STARTED",
          "RUN_FINISHED",
          "MESSAGES_SNAPSHOT",
          "RUN_STARTED",
          "RUN_ERROR",
          "MESSAGES_SNAPSHOT",
          "RUN_FINISHED",
        ]);
      }),
    );

    const snapshotOf = (runId: string): string =>
      `{"type":"MESSAGES_SNAPSHOT","threadId":"s1","runId":"${runId}","timestamp":1,"messages":[]}`;
    const odd = ['{"type":"RUN_STARTED","runId":""}', '{"type":"RUN_STARTED"}'];
    for (const [what, events] of [
      ["a snapshot under another run's id", [startedEvent(), snapshotOf("x"), finishedEvent()]],
      ["a snapshot under another run's id and no end", [startedEvent(), snapshotOf("x")]],
      [
        "many of them, under ids of any length",
        [
          startedEvent(),
          ...Array.from({ length: 1_200 }, (_, i) => snapshotOf(`${i}${"x".repeat(i)}`)),
          finishedEvent(),
        ],
      ],
      ["another run and leaves it open", [startedEvent(), startedEvent("x"), finishedEvent()]],
      [
        "many other runs and leaves them open",
        [
          startedEvent(),
          ...Array.from({ length: 300 }, (_, i) => startedEvent(`${i}${"\u0001".repeat(250)}`)),
          finishedEvent(),
        ],
      ],
      ["a start without an id and no end", odd],
      [
        "a question under an id of any length",
        [
          startedEvent(),
          `{"type":"TOOL_CALL_START","toolCallId":"${"q".repeat(100_000)}","toolCallName":"AskUserQuestion"}`,
          '{"type":"RUN_STARTED","runId":"r"}',
          finishedEvent(),
        ],
      ],
    ] as const)
      it(
        `are over, and others can follow, whatever their runner says: ${what}`,
        fresh(async (server) => {
          const session = new SessionClient(server);
          server.runner.script((exchange) => tell(exchange, events));
          await session.run();
          await waitFor(async () => (await session.agentStatus()) === "idle");
          const lines = await session.lines();
          // before a start that is not the posted run's comes one that is
          const from = events === odd ? 2 : 1;
          expect(lines.slice(from, events.length + from)).toEqual(events);
          server.runner.script((exchange) => tell(exchange, [finishedEvent("next")]));
          await session.run(runBody("next"));
          await session.settled("next");
          await waitFor(async () => (await session.agentStatus()) === "idle");
          expect(await session.run()).toMatchObject({ runId: "r" });
          expect(server.runner.requests).toHaveLength(2);
        }),
      );

    it(
      "neither store nor show what is no JSON object, and lose nothing beside it",
      fresh(async (server) => {
        const session = new SessionClient(server);
        const lines = await session.play([
          startedEvent(),
          "[1]",
          "text",
          '{"a":',
          text,
          finishedEvent(),
        ]);
        expect(lines.slice(1)).toEqual([startedEvent(), text, finishedEvent()]);
      }),
    );
  });
}

/** The id of the run that a request to the runner carries. */
function runIdOf({ request }: ScriptedExchange): string {
  const { runId } = JSON.parse(new TextDecoder().decode(request.body)) as { runId: string };
  return runId;
}
