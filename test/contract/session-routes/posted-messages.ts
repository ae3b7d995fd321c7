import { describe, expect, it } from "vitest";
import { waitFor } from "../wait-for.ts";
import {
  expectProblem,
  finishedEvent,
  type FreshServer,
  openRunner,
  SessionClient,
  tell,
} from "./harness.ts";

interface Message {
  readonly id: string;
  readonly role?: string;
  readonly content: string;
}

/** What clients post, and what of it is stored. */
export function postedMessagesSuite(fresh: FreshServer): void {
  describe("what a client posts with a run (PROTOCOL 5.3, 5.4)", () => {
    it(
      "is stored once, however long the transcript is that it sends with every run",
      fresh(async (server) => {
        const session = new SessionClient(server);
        const transcript = messages(0, 5_000);
        await post(server, session, "r0", transcript);
        for (const run of [1, 2, 3]) {
          const more = messages(transcript.length, 2);
          transcript.push(...more);
          expect(await post(server, session, `r${run}`, transcript)).toEqual(more);
        }
      }),
    );

    it(
      "is stored again under its id when it says something else, also what it said before",
      fresh(async (server) => {
        const session = new SessionClient(server);
        const first = { id: "m", role: "user", content: "first" };
        const other = { ...first, content: "other" };
        expect(await post(server, session, "r1", [first])).toEqual([first]);
        expect(await post(server, session, "r2", [other])).toEqual([other]);
        expect(await post(server, session, "r3", [first])).toEqual([first]);
        expect(await post(server, session, "r4", [first])).toEqual([]);
      }),
    );

    it(
      "is not stored again when another client writes it in another way, or under another name",
      fresh(async (server) => {
        const session = new SessionClient(server);
        await post(server, session, "r1", [{ id: "m", role: "user", content: "é" }], "ada");
        const other = String.raw`{"content":"\u00e9", "role":"user","name":null,"id":"m"}`;
        server.runner.script((exchange) => tell(exchange, [finishedEvent("r2")]));
        await session.run(`{"runId":"r2","messages":[${other}]}`, { "X-Forwarded-User": "grace" });
        await session.settled("r2");
        expect(await stored(session, "r2")).toEqual([]);
        const said = (await session.lines()).find((line) => line.includes("MESSAGES_SNAPSHOT"));
        expect(said).toContain('"senderId":"ada"');
      }),
    );

    it(
      "marks a hidden message once",
      fresh(async (server) => {
        const session = new SessionClient(server);
        const hidden = { id: "m", role: "user", content: "x", metadata: { hidden: true } };
        for (const runId of ["r1", "r2"]) await post(server, session, runId, [hidden]);
        const marks = (await session.lines()).filter((line) => line.includes("message_metadata"));
        expect(marks).toHaveLength(1);
      }),
    );

    it(
      "is understood by snake_case names, and both spellings say the same to the runner",
      fresh(async (server) => {
        const session = new SessionClient(server);
        const send = async (body: string): Promise<Record<string, unknown>> => {
          const before = server.runner.requests.length;
          server.runner.script((exchange) => tell(exchange, ['{"type":"RUN_FINISHED"}']));
          const ids = await session.run(body);
          const request = await waitFor(() => server.runner.requests[before]);
          const sent = JSON.parse(new TextDecoder().decode(request.body)) as Record<
            string,
            unknown
          >;
          expect(sent).toMatchObject({ ...ids });
          return sent;
        };
        expect(
          await send('{"run_id":"a","thread_id":"t","messages":[],"parent_run_id":"p"}'),
        ).toEqual({
          runId: "a",
          threadId: "t",
          run_id: "a",
          thread_id: "t",
          messages: [],
          parent_run_id: "p",
        });
        expect(
          await send('{"runId":"b","run_id":"x","thread_id":null,"threadId":"t2","messages":[]}'),
        ).toEqual({ runId: "b", run_id: "b", thread_id: "t2", threadId: "t2", messages: [] });
        expect(await send('{"runId":"","run_id":"c","messages":[]}')).toMatchObject({ runId: "c" });
        expect(await session.run('{"run_id":"c","messages":[]}')).toMatchObject({ runId: "c" });
        expect(server.runner.requests).toHaveLength(3);
        for (const [name, value] of [
          ["run_id", "1"],
          ["thread_id", "{}"],
          ["parent_run_id", "[]"],
          ["forwarded_props", '"x"'],
        ] as const) {
          const response = await session.post("/agui/run", `{"messages":[],"${name}":${value}}`);
          await expectProblem(response, 400, new RegExp(`${name} must be`));
        }
      }),
    );

    it(
      "waits in the store, and reaches the runner with every byte when its turn comes",
      fresh(async (server) => {
        const session = new SessionClient(server);
        const active = await openRunner(server, () => session.run('{"runId":"a","messages":[]}'));
        const body = `{"runId":"b","threadId":"t","state":{"x":"${"y".repeat(300_000)}"},"messages":[]}`;
        await session.run(body);
        const [before] = [server.runner.requests.length];
        server.runner.script((exchange) => tell(exchange, [finishedEvent("b")]));
        await active.write(`data: ${finishedEvent("a")}\n\n`);
        await active.end();
        const request = await waitFor(() => server.runner.requests[before]);
        expect(new TextDecoder().decode(request.body)).toBe(body);
        await session.settled("b");
      }),
    );
  });
}

function messages(from: number, count: number): Message[] {
  return Array.from({ length: count }, (_, i) => ({
    id: `m${from + i}`,
    role: i % 2 === 0 ? "user" : "assistant",
    content: `message ${from + i}`,
  }));
}

/** Posts a run with these messages to its end; resolves with those that were stored for it. */
async function post(
  server: Parameters<Parameters<FreshServer>[0]>[0],
  session: SessionClient,
  runId: string,
  transcript: readonly Message[],
  user?: string,
): Promise<Message[]> {
  server.runner.script((exchange) => tell(exchange, [finishedEvent(runId)]));
  const headers: Record<string, string> = user === undefined ? {} : { "X-Forwarded-User": user };
  await session.run(JSON.stringify({ runId, messages: transcript }), headers);
  await session.settled(runId);
  return stored(session, runId);
}

async function stored(session: SessionClient, runId: string): Promise<Message[]> {
  const events = (await session.lines())
    .filter((line) => line.startsWith('{"type":"MESSAGES_SNAPSHOT"'))
    .map((line) => JSON.parse(line) as { runId: string; messages: Message[] });
  return events.filter((event) => event.runId === runId).flatMap((event) => event.messages);
}
