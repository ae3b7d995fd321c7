import { describe, expect, it } from "vitest";
import { textOf } from "../bytes.ts";
import {
  answerJson,
  expectProblem,
  finishedEvent,
  type FreshServer,
  IMPATIENT,
  openRunner,
  SessionClient,
  type SessionRoutesHarness,
  startedEvent,
  UNREACHABLE,
} from "./harness.ts";

const ROUTES = ["/agui/feedback", "/runner/feedback"];
const META = `{
  "ts": 1700000000000, "threadId":"s1",\r
  "type": "META", "metaType":"thumbs_up", "payload":{"messageId":"m1","comment":"ž\\n"},"new":1.0 }`;
const STORED_META = META.replaceAll(/[\r\n]/g, " ");
const RAW =
  '{"type":"RAW", "event":{"name":"ambient:feedback","recorded":true,"n":12345678901234567890}}';

export function feedbackSuite(fresh: FreshServer): void {
  describe.each(ROUTES)("POST %s (PROTOCOL 9.4)", (route) => {
    describeRecorded(fresh, route);
    describeNotRecorded(fresh, route);
  });
}

/** Expects the plain JSON answer that tells by `status` what became of it, and no session. */
async function expectFailed(
  server: SessionRoutesHarness,
  session: SessionClient,
  response: Response,
  [status, error]: readonly [number, string],
): Promise<void> {
  expect(response.status).toBe(status);
  expect(response.headers.get("Content-Type")).toBe("application/json");
  expect(await response.json()).toEqual({ error, status: "failed" });
  const list = await server.fetch("/api/projects/p1/agentic-sessions");
  expect(await list.json()).toMatchObject({ totalCount: 0 });
  expect((await session.get("")).status).toBe(404);
}

function describeRecorded(fresh: FreshServer, route: string): void {
  it(
    "stores and shows the event and the runner's answer, once the runner has it",
    fresh(async (server) => {
      const session = new SessionClient(server);
      server.runner.script((exchange) => answerJson(exchange, 200, RAW), "feedback");
      const { sse } = await session.watch();
      const response = await session.post(route, META);
      expect(response.status).toBe(200);
      expect(await response.json()).toEqual({ message: "Feedback submitted", status: "sent" });
      const [request] = server.runner.requests;
      expect(request).toMatchObject({
        method: "POST",
        path: `${new URL(server.runner.address).pathname}feedback`,
        headers: { "content-type": "application/json" },
      });
      expect(textOf(request?.body ?? new Uint8Array())).toBe(META);
      expect((await sse.events(2)).map(({ data }) => data)).toEqual([STORED_META, RAW]);
      await sse.cancel();
      expect(await session.lines()).toEqual([STORED_META, RAW]);
    }),
  );

  it(
    "stores the event alone when the runner's answer is no RAW event",
    fresh(async (server) => {
      const session = new SessionClient(server);
      const answers = ['{"type":"RUN_FINISHED"}', '{"recorded":true}', "[]", "", RAW.slice(0, -1)];
      answers.push(`{"type":"RAW","event":"${"x".repeat(1024 * 1024)}"}`);
      for (const answer of answers) {
        server.runner.script(async (exchange) => {
          await exchange.answer(200);
          if (answer !== "") await exchange.write(answer);
          await exchange.end();
        }, "feedback");
        expect((await session.post(route, META)).status).toBe(200);
      }
      expect(await session.lines()).toEqual(answers.map(() => STORED_META));
    }),
  );

  it(
    "does not disturb a run",
    fresh(async (server) => {
      const session = new SessionClient(server);
      server.runner.script(
        (exchange) => answerJson(exchange, 200, RAW.replace(", ", ",\r\n")),
        "feedback",
      );
      const runner = await openRunner(server, () => session.run());
      await runner.write(`data: ${startedEvent()}\n\n`);
      const { sse } = await session.watch();
      await sse.events(2);
      expect((await session.post(route, META)).status).toBe(200);
      await runner.write(`data: ${finishedEvent()}\n\n`);
      await runner.end();
      await sse.cancel();
      const lines = await session.settled();
      const raw = RAW.replace(", ", ",  ");
      expect(lines.slice(1)).toEqual([startedEvent(), STORED_META, raw, finishedEvent()]);
      expect(await (await session.get("")).json()).toMatchObject({
        status: { agentStatus: "idle" },
      });
    }),
  );
}

function describeNotRecorded(fresh: FreshServer, route: string): void {
  it.each([
    ["", "invalid feedback event: the body is not a JSON object"],
    ["{", "invalid feedback event: the body is not a JSON object"],
    ["[]", "invalid feedback event: the body is not a JSON object"],
    ['{"type":"META"} x', "invalid feedback event: the body is not a JSON object"],
    ['{"type":"META","metaType":7}', "invalid feedback event: metaType must be a string"],
    ['{"type":"META","payload":[]}', "invalid feedback event: payload must be an object"],
    ['{"type":"META","threadId":{}}', "invalid feedback event: threadId must be a string"],
    ["{}", "Expected META event type"],
    ['{"type":"RAW","event":{"type":"META"}}', "Expected META event type"],
    ['{"type":"META","type":"RUN_FINISHED"}', "Expected META event type"],
    ['{"type":["META"]}', "Expected META event type"],
  ])("refuses %j with 400 before any call", (body, detail) =>
    fresh(async (server) => {
      const session = new SessionClient(server);
      await expectProblem(await session.post(route, body), 400, detail);
      expect(server.runner.requests).toEqual([]);
    })(),
  );

  it(
    "refuses another content type with 415 and more than 1 MiB with 413, before any call",
    fresh(async (server) => {
      const session = new SessionClient(server);
      const typed = await session.post(route, META, { "Content-Type": "text/plain" });
      await expectProblem(typed, 415, "Content-Type must be application/json");
      const untyped = { method: "POST" };
      await expectProblem(
        await server.fetch(`${session.path}${route}`, untyped),
        415,
        "Content-Type must be application/json",
      );
      const large = META.padEnd(1024 * 1024 + 1);
      await expectProblem(await session.post(route, large), 413, "Request body too large");
      expect(server.runner.requests).toEqual([]);
    }),
  );

  it(
    "is 202 and stores nothing when nobody takes it",
    fresh(async (server) => {
      const unavailable = [202, "Runner unavailable — feedback not recorded"] as const;
      const unreachable = new SessionClient(server, UNREACHABLE);
      const nobody = await unreachable.post(route, META);
      await expectFailed(server, unreachable, nobody, unavailable);
      const impatient = new SessionClient(server, IMPATIENT);
      server.runner.script((exchange) => exchange.closed, "feedback");
      await expectFailed(server, impatient, await impatient.post(route, META), unavailable);
      const session = new SessionClient(server);
      server.runner.script((exchange) => answerJson(exchange, 401, RAW), "feedback");
      await expectFailed(server, session, await session.post(route, META), unavailable);
    }),
  );

  it(
    "has the runner's status and stores nothing when the runner refuses it",
    fresh(async (server) => {
      const session = new SessionClient(server);
      for (const [status, ours] of [
        [400, 400],
        [422, 422],
        [500, 500],
        [201, 502],
        [307, 502],
      ] as const) {
        server.runner.script((exchange) => answerJson(exchange, status, RAW), "feedback");
        const rejected = [ours, "Runner rejected feedback"] as const;
        await expectFailed(server, session, await session.post(route, META), rejected);
      }
    }),
  );
}
