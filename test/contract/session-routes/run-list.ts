import { describe, expect, it } from "vitest";
import { waitFor } from "../wait-for.ts";
import {
  expectProblem,
  finishedEvent,
  type FreshServer,
  openRunner,
  runBody,
  SessionClient,
  type SessionRoutesHarness,
  startedEvent,
  tell,
} from "./harness.ts";
import { json } from "./standard-client.ts";

interface ListedRun {
  readonly runId: string;
  readonly status: string;
  readonly startCursor: string | null;
  readonly endCursor: string | null;
  readonly startedAt: string | null;
  readonly endedAt: string | null;
}

interface RunList {
  readonly runs: readonly ListedRun[];
  readonly next: string | null;
}

async function listOf(session: SessionClient, query = ""): Promise<RunList> {
  const response = await session.get(`/runs${query}`);
  const text = await response.text();
  expect(response.status, text).toBe(200);
  expect(response.headers.get("Content-Type")).toBe("application/json");
  return JSON.parse(text) as RunList;
}

const toolCall = (toolCallId: string): string[] => [
  json({ type: "TOOL_CALL_START", toolCallId, toolCallName: "t" }),
  json({ type: "TOOL_CALL_END", toolCallId }),
];

/** Plays these runs, one after the other. */
async function playAll(
  server: SessionRoutesHarness,
  session: SessionClient,
  runs: Readonly<Record<string, readonly string[]>>,
): Promise<void> {
  for (const [runId, events] of Object.entries(runs)) {
    server.runner.script((exchange) => tell(exchange, events));
    await session.run(runBody(runId));
    await session.settled(runId);
  }
}

export function runListSuite(fresh: FreshServer): void {
  describe("the runs of a session (PROTOCOL 20.2)", () => {
    it(
      "are listed newest first, with what became of them and what they took",
      fresh(async (server) => {
        const session = new SessionClient(server);
        const usage = [{ inputTokens: 3, outputTokens: 4, model: "m" }, { inputTokens: 10 }];
        const at = { threadId: "s1", runId: "r1" };
        await playAll(server, session, {
          r1: [
            json({ type: "RUN_STARTED", ...at, timestamp: 1_000 }),
            ...toolCall("t1"),
            ...toolCall("t2"),
            json({ type: "RUN_FINISHED", ...at, timestamp: 2_000, usage }),
          ],
          r2: [
            startedEvent("r2"),
            json({ type: "RUN_ERROR", runId: "r2", message: "no", code: "c" }),
          ],
          r3: [
            startedEvent("r3"),
            json({ type: "CUSTOM", name: "usage", value: { prompt_tokens: 5 } }),
            json({ ...JSON.parse(finishedEvent("r3")), outcome: { type: "interrupt" } }),
          ],
        });
        const lines = await session.lines();
        const cursorAt = await rawCursors(session);
        const place = (runId: string): object => {
          const first = lines.findIndex(
            (line) => line.includes("RUN_STARTED") && line.includes(runId),
          );
          const last = lines.findIndex(
            (line, index) => index > first && /RUN_(FINISHED|ERROR)/.test(line),
          );
          const events = last + 1 - first;
          return {
            startCursor: cursorAt[first],
            endCursor: cursorAt[last + 1],
            events,
            bytes: new TextEncoder().encode(`${lines.slice(first, last + 1).join("\n")}\n`).length,
          };
        };
        // what events do not say themselves is when they arrived
        const arrived: unknown = expect.stringMatching(/^20\d\d-.*Z$/);
        const untimed = { threadId: "s1", startedAt: arrived, endedAt: arrived, toolCalls: 0 };
        const list = await listOf(session);
        const [third, second] = list.runs;
        expect(second!.startedAt! <= second!.endedAt!).toBe(true);
        expect(second!.endedAt! <= third!.startedAt!).toBe(true);
        expect(list).toEqual({
          runs: [
            {
              ...untimed,
              ...place("r3"),
              runId: "r3",
              status: "interrupted",
              usage: { inputTokens: 5 },
              error: null,
            },
            {
              ...untimed,
              ...place("r2"),
              runId: "r2",
              status: "error",
              usage: null,
              error: { message: "no", code: "c" },
            },
            {
              ...untimed,
              ...place("r1"),
              runId: "r1",
              status: "finished",
              startedAt: "1970-01-01T00:00:01.000Z",
              endedAt: "1970-01-01T00:00:02.000Z",
              toolCalls: 2,
              usage: { inputTokens: 13, outputTokens: 4, totalTokens: 7 },
              error: null,
            },
          ],
          next: null,
        });
      }),
    );

    it(
      "are summed to what the session took, in its document",
      fresh(async (server) => {
        const session = new SessionClient(server);
        const ended = (runId: string, said: object): string[] => [
          startedEvent(runId),
          json({ ...JSON.parse(finishedEvent(runId)), ...said }),
        ];
        await playAll(server, session, {
          r1: ended("r1", { usage: { inputTokens: 1, outputTokens: 2 } }),
          r2: ended("r2", { result: { usage: { input_tokens: 10, cache_read_input_tokens: 5 } } }),
          r3: ended("r3", { usage: "much" }),
        });
        const usage = async (): Promise<Record<string, number> | undefined> =>
          ((await (await session.get("")).json()) as { status: { usage?: Record<string, number> } })
            .status.usage;
        await waitFor(async () => (await usage())?.["inputTokens"] === 11);
        expect(await usage()).toEqual({
          inputTokens: 11,
          outputTokens: 2,
          totalTokens: 3,
          cachedInputTokens: 5,
        });
      }),
    );

    it(
      "begin with those that wait and the one that is open",
      fresh(async (server) => {
        const session = new SessionClient(server);
        await playAll(server, session, { r0: [startedEvent("r0"), finishedEvent("r0")] });
        const runner = await openRunner(server, () => session.run(runBody("a")));
        const statuses = async (): Promise<string[]> =>
          (await listOf(session)).runs.map(({ runId, status }) => `${runId} ${status}`);
        expect(await statuses()).toEqual(["a running", "r0 finished"]);
        await runner.write(`data: ${startedEvent("a")}\n\n`);
        await waitFor(async () => (await listOf(session)).runs[0]?.startCursor !== null);
        await session.run(runBody("b"));
        await session.run(runBody("c"));
        expect(await statuses()).toEqual(["c waiting", "b waiting", "a running", "r0 finished"]);
        server.runner.script((exchange) => {
          const sent = JSON.parse(new TextDecoder().decode(exchange.request.body)) as ListedRun;
          return tell(exchange, [startedEvent(sent.runId), finishedEvent(sent.runId)]);
        });
        await runner.write(`data: ${finishedEvent("a")}\n\n`);
        await runner.end();
        await session.settled("c");
        expect(await statuses()).toEqual(["c finished", "b finished", "a finished", "r0 finished"]);
      }),
    );

    it(
      "come in pages, each run once, and go on while others end",
      fresh(async (server) => {
        const session = new SessionClient(server);
        const names = Array.from({ length: 5 }, (_, index) => `r${index}`);
        await playAll(
          server,
          session,
          Object.fromEntries(names.map((id) => [id, [startedEvent(id), finishedEvent(id)]])),
        );
        for (const limit of [1, 2, 5, 9]) {
          const found: string[] = [];
          for (let query = `?limit=${limit}`; ;) {
            const { runs, next } = await listOf(session, query);
            found.push(...runs.map(({ runId }) => runId));
            expect(runs.length).toBeLessThanOrEqual(limit);
            if (next === null) break;
            query = `?limit=${limit}&cursor=${next}`;
          }
          expect(found).toEqual(names.toReversed());
        }
        const first = await listOf(session, "?limit=2");
        await playAll(server, session, { late: [startedEvent("late"), finishedEvent("late")] });
        const second = await listOf(session, `?cursor=${first.next}`);
        expect(second.runs.map(({ runId }) => runId)).toEqual(["r2", "r1", "r0"]);
      }),
    );

    it(
      "lead to their events",
      fresh(async (server) => {
        const session = new SessionClient(server);
        const events = [startedEvent(), ...toolCall("t"), finishedEvent()];
        await playAll(server, session, { r: events });
        const [run] = (await listOf(session)).runs;
        const page = await session.get(
          `/agui/events/page?view=raw&after=${run?.startCursor}&limit=${events.length}`,
          { Accept: "application/x-ndjson" },
        );
        expect(await page.text()).toBe(events.map((line) => `${line}\n`).join(""));
        expect(page.headers.get("X-Runlog-End")).toBe(run?.endCursor);
      }),
    );

    it(
      "of an unknown session are not found, and need a limit and a cursor that are such",
      fresh(async (server) => {
        const session = new SessionClient(server);
        await expectProblem(await session.get("/runs"), 404, "Session not found");
        await playAll(server, session, { r: [startedEvent(), finishedEvent()] });
        const [logId = ""] = ((await listOf(session)).runs[0]?.endCursor ?? "").split("-");
        for (const limit of ["0", "10001", "x"]) {
          const response = await session.get(`/runs?limit=${limit}`);
          await expectProblem(response, 400, "Invalid limit: a number from 1 to 10000");
        }
        for (const cursor of ["x", `${logId}-r0`, `${logId}-n1.2.3`]) {
          const response = await session.get(`/runs?cursor=${cursor}`);
          await expectProblem(response, 400, "Invalid cursor");
        }
        for (const cursor of [
          "0123456789abcdef-n1",
          `${logId}-n2`,
          `${logId}-n1.1`,
          `${logId}-n1.9999`,
        ]) {
          const response = await session.get(`/runs?cursor=${cursor}`);
          await expectProblem(response, 404, "No such page: the cursor is of another log");
        }
      }),
    );
  });
}

/** The cursors before each event of the raw log, and the one after all. */
async function rawCursors(session: SessionClient): Promise<string[]> {
  const response = await session.get("/agui/events/page?view=raw&after=");
  const { start, cursors } = (await response.json()) as { start: string; cursors: string[] };
  return [start, ...cursors];
}
