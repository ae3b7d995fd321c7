import { describe, expect, it } from "vitest";
import { waitFor } from "../wait-for.ts";
import {
  finishedEvent,
  type FreshServer,
  openRunner,
  SessionClient,
  type SessionRoutesHarness,
  startedEvent,
  tell,
} from "./harness.ts";
import { connect, type Event, json } from "./standard-client.ts";

/** What a client posts of what the runner itself has sent. */
export function echoesSuite(fresh: FreshServer): void {
  describe("messages that the log says itself (PROTOCOL 5.4)", () => {
    const user = (id: string): Event => ({ id, role: "user", content: `question ${id}` });
    const say = (id: string, ...deltas: readonly string[]): Event[] => [
      { type: "TEXT_MESSAGE_START", messageId: id, role: "assistant" },
      ...deltas.map((delta) => ({ type: "TEXT_MESSAGE_CONTENT", messageId: id, delta })),
      { type: "TEXT_MESSAGE_END", messageId: id },
    ];
    const call = (id: string, parentMessageId: string): Event[] => [
      { type: "TOOL_CALL_START", toolCallId: id, toolCallName: "find", parentMessageId },
      { type: "TOOL_CALL_ARGS", toolCallId: id, delta: '{"q":' },
      { type: "TOOL_CALL_ARGS", toolCallId: id, delta: '"é"}' },
      { type: "TOOL_CALL_END", toolCallId: id },
      { type: "TOOL_CALL_RESULT", messageId: `${id}-r`, toolCallId: id, content: "found" },
    ];

    it(
      "are not stored again: texts, calls, results, reasoning, and those of snapshots",
      fresh(async (server) => {
        const session = new SessionClient(server);
        await play(
          server,
          session,
          "r1",
          [user("u1")],
          [
            ...say("a1", "Hel", "lo \ud83d", "\ude00"),
            ...call("t1", "a2"),
            { type: "TOOL_CALL_CHUNK", toolCallId: "t2", toolCallName: "put", delta: "{}" },
            { type: "REASONING_MESSAGE_START", messageId: "g1", role: "reasoning" },
            { type: "REASONING_MESSAGE_CONTENT", messageId: "g1", delta: "hm" },
            { type: "REASONING_MESSAGE_END", messageId: "g1" },
            { type: "TEXT_MESSAGE_CHUNK", messageId: "a3", delta: "chunk" },
            {
              type: "MESSAGES_SNAPSHOT",
              messages: [{ id: "s1", role: "system", content: "from a snapshot" }],
            },
          ],
        );
        const find = { name: "find", arguments: '{"q":"é"}' };
        const transcript = [
          user("u1"),
          { id: "a1", role: "assistant", content: "Hello \u{1f600}" },
          {
            id: "a2",
            role: "assistant",
            toolCalls: [{ id: "t1", type: "function", function: find }],
          },
          { id: "t1-r", role: "tool", toolCallId: "t1", content: "found" },
          {
            content: "",
            role: "assistant",
            toolCalls: [{ function: { name: "put", arguments: "{}" }, id: "t2", type: "function" }],
            id: "t2",
          },
          { id: "g1", role: "reasoning", content: "hm" },
          { id: "a3", role: "assistant", content: "chunk", toolCalls: [] },
          { id: "s1", role: "system", content: "from a snapshot" },
        ];
        expect(await play(server, session, "r2", transcript, [])).toEqual([]);
        const more = [...transcript, user("u2")];
        expect(await play(server, session, "r3", more, say("a4", "x"))).toEqual([user("u2")]);
        const last = { id: "a4", role: "assistant", content: "x" };
        expect(await play(server, session, "r4", [...more, last], [])).toEqual([]);
      }),
    );

    it(
      "are stored when they say something else, and again when they say what they said before",
      fresh(async (server) => {
        const session = new SessionClient(server);
        await play(server, session, "r1", [user("u1")], say("a1", "as it was"));
        const own = { id: "a1", role: "assistant", content: "as it was" };
        const edited = { ...own, content: "as it was edited" };
        const rated = { ...own, metadata: { rating: 5 } };
        expect(await play(server, session, "r2", [user("u1"), edited], [])).toEqual([edited]);
        expect(await play(server, session, "r3", [user("u1"), edited], [])).toEqual([]);
        expect(await play(server, session, "r4", [user("u1"), own], [])).toEqual([own]);
        expect(await play(server, session, "r5", [user("u1"), rated], [])).toEqual([rated]);
        expect((await messagesOf(session)).at(-1)).toMatchObject({ content: "as it was" });
      }),
    );

    it(
      "are known as well from clients that drop metadata, from one run to the next",
      fresh(async (server) => {
        const session = new SessionClient(server);
        const [start, ...rest] = say("a1", "text");
        const metadata = { model: "m" };
        await play(server, session, "r1", [], [{ ...start, metadata }, ...rest]);
        const core = { id: "a1", role: "assistant", content: "text" };
        const whole = { ...core, metadata };
        for (const [index, message] of [core, whole, core].entries())
          expect(await play(server, session, `s${index}`, [message], [])).toEqual([]);
        const other = { ...core, content: "other" };
        expect(await play(server, session, "s3", [other], [])).toEqual([other]);
        expect(await play(server, session, "s4", [core], [])).toEqual([core]);
      }),
    );

    it(
      "are known while they are streamed, to a client that is behind as well",
      fresh(async (server) => {
        const session = new SessionClient(server);
        const runner = await openRunner(server, () => session.run('{"runId":"a","messages":[]}'));
        const events = [startedEvent("a"), ...say("m", "one ", "two ").map(json)];
        const open = [...events.slice(0, -1), ...call("t", "p").map(json).slice(0, 2)];
        for (const event of open) await runner.write(`data: ${event}\n\n`);
        await waitFor(async () => (await session.lines()).length === open.length);
        const half = { id: "m", role: "assistant", content: "one " };
        const begun = { name: "find", arguments: "" };
        const calls = {
          id: "p",
          role: "assistant",
          toolCalls: [{ id: "t", type: "function", function: begun }],
        };
        const edited = { id: "m", role: "assistant", content: "uno " };
        await session.run(json({ runId: "b", messages: [half, calls, user("u")] }));
        expect(await stored(session, "b")).toEqual([user("u")]);
        await session.run(json({ runId: "c", messages: [edited] }));
        expect(await stored(session, "c")).toEqual([edited]);
        server.runner.script((exchange) => {
          const { runId } = JSON.parse(new TextDecoder().decode(exchange.request.body)) as Ids;
          return tell(exchange, [finishedEvent(runId)]);
        });
        await runner.write(`data: ${finishedEvent("a")}\n\n`);
        await runner.end();
        await session.settled("c");
        const whole = {
          ...calls,
          toolCalls: [
            { id: "t", type: "function", function: { name: "find", arguments: '{"q":' } },
          ],
        };
        expect(await play(server, session, "d", [whole], [])).toEqual([]);
      }),
    );

    it(
      "take nothing of a log of many turns",
      fresh(async (server) => {
        const session = new SessionClient(server);
        const transcript: Event[] = [];
        for (let turn = 0; turn < 8; turn++) {
          transcript.push(user(`u${turn}`));
          const posted = await play(server, session, `r${turn}`, transcript, [
            ...call(`t${turn}`, `c${turn}`),
            ...say(`a${turn}`, "an ", "answer ", `of ${turn}`),
          ]);
          expect(posted).toEqual([user(`u${turn}`)]);
          const made = (await messagesOf(session)).slice(transcript.length);
          expect(made).toHaveLength(3);
          transcript.push(...made);
        }
      }),
    );
  });
}

interface Ids {
  readonly runId: string;
}

/** Plays a run that is posted with these messages; resolves with those that were stored for it. */
async function play(
  server: SessionRoutesHarness,
  session: SessionClient,
  runId: string,
  messages: readonly Event[],
  events: readonly Event[],
): Promise<Event[]> {
  const lines = [startedEvent(runId), ...events.map(json), finishedEvent(runId)];
  server.runner.script((exchange) => tell(exchange, lines));
  await session.run(json({ runId, messages }));
  await session.settled(runId);
  return stored(session, runId);
}

async function stored(session: SessionClient, runId: string): Promise<Event[]> {
  const events = (await session.lines())
    .filter((line) => line.startsWith('{"type":"MESSAGES_SNAPSHOT","threadId"'))
    .map((line) => JSON.parse(line) as { runId: string; messages: Event[] });
  return events.filter((event) => event.runId === runId).flatMap((event) => event.messages);
}

/** The messages of the session, as a client that connects has them. */
async function messagesOf(session: SessionClient): Promise<Event[]> {
  const events = await connect(session, { protocolVersion: "1.0" }, "?view=snapshot");
  return events.flatMap(({ messages }) => (messages ?? []) as Event[]);
}
