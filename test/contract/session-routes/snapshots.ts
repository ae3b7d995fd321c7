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
  type SessionRoutesHarness,
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
  types,
  playRuns,
} from "./standard-client.ts";

export function snapshotsSuite(fresh: FreshServer): void {
  describe("snapshots and large events (PROTOCOL 12)", () => {
    const state = json({ type: "STATE_SNAPSHOT", snapshot: { n: 1 } });

    async function halfStreamed(
      server: SessionRoutesHarness,
    ): Promise<[SessionClient, ScriptedExchange]> {
      const session = new SessionClient(server);
      const runner = await openRunner(server, () => session.run());
      const events = [startedEvent(), state, textStart, text("Hel")];
      for (const event of events) await runner.write(`data: ${event}\n\n`);
      await waitFor(async () => (await session.lines()).length === 5);
      return [session, runner];
    }

    it(
      "connect says what the session has come to, and goes on in mid-message",
      fresh(async (server) => {
        const [session, runner] = await halfStreamed(server);
        const sse = await post(session, "/agui/connect?view=snapshot", { protocolVersion: "1.0" });
        const frames = [];
        for (let at = 0; at < 4; at++) frames.push(await sse.frame());
        // all of one position: the last alone has its cursor
        expect(frames.map((frame) => frame?.id)).toEqual([null, null, null, expect.any(String)]);
        const events = frames.map((frame) => JSON.parse(frame?.data ?? "{}") as Event);
        expect(types(events)).toEqual([
          "RUN_STARTED",
          "MESSAGES_SNAPSHOT",
          "STATE_SNAPSHOT",
          "TEXT_MESSAGE_START",
        ]);
        expect(events[1]?.["messages"]).toEqual([
          { id: "m-r", role: "user", content: "hi" },
          { id: "a", role: "assistant", content: "Hel" },
        ]);
        await runner.write(
          `data: ${text("lo")}\n\ndata: ${textEnd}\n\ndata: ${finishedEvent()}\n\n`,
        );
        expect((await allOf(sse)).map(json)).toEqual([text("lo"), textEnd, finishedEvent()]);
        await runner.end();
      }),
    );

    it(
      "events say the same, with a cursor after the last of it, from which the log goes on",
      fresh(async (server) => {
        const [session, runner] = await halfStreamed(server);
        const { sse } = await session.watch("?view=snapshot");
        await sse.frame();
        const frames = [];
        for (let i = 0; i < 4; i++) frames.push(await sse.frame());
        expect(frames.map((frame) => (JSON.parse(frame?.data ?? "{}") as Event)["type"])).toEqual([
          "RUN_STARTED",
          "MESSAGES_SNAPSHOT",
          "STATE_SNAPSHOT",
          "TEXT_MESSAGE_START",
        ]);
        expect(frames.map((frame) => frame?.id !== null)).toEqual([false, false, false, true]);
        await runner.write(`data: ${text("lo")}\n\n`);
        expect((await sse.events(1))[0]?.data).toBe(text("lo"));
        await sse.cancel();
        const again = await session.watch(`?view=snapshot&after=${frames[3]?.id}`);
        expect((await again.sse.events(1))[0]?.data).toBe(text("lo"));
        await again.sse.cancel();
        await runner.end();
      }),
    );

    it(
      "events say of a run that has failed what it has come to, and not that it goes on",
      fresh(async (server) => {
        const session = new SessionClient(server);
        const hidden = json({
          type: "RAW",
          event: { type: "message_metadata", messageId: "a", hidden: true },
        });
        const failed = json({ type: "RUN_ERROR", message: "failed" });
        await playRuns(server, session, [[startedEvent("r0"), hidden, ...REPLY, failed]]);
        const { sse } = await session.watch("?view=snapshot");
        await sse.frame();
        const frames = [await sse.frame(), await sse.frame()];
        expect(types(frames.map((frame) => JSON.parse(frame?.data ?? "{}") as Event))).toEqual([
          "RAW",
          "MESSAGES_SNAPSHOT",
        ]);
        expect(frames[0]?.data).toContain('"hidden":true');
        expect(frames[1]?.id).not.toBeNull();
        await sse.cancel();
      }),
    );

    it(
      "a delta that is too large for a frame comes in pieces that are exactly the text",
      fresh(async (server) => {
        const session = new SessionClient(server);
        const unit = `\ud83d\ude00\\"\u00e9x`;
        const large = unit.repeat(600_000);
        const literal = JSON.stringify(large).replaceAll("\ud83d\ude00", String.raw`\ud83d\ude00`);
        const line = `{"delta":${literal},"messageId":"a","type":"TEXT_MESSAGE_CONTENT"}`;
        const run = [startedEvent(), textStart, line, textEnd, finishedEvent()];
        server.runner.script((exchange) => tell(exchange, run));
        const events = await allOf(await post(session, "/agui/run", JSON.parse(runBody()), STREAM));
        const deltas = events.filter(({ type }) => type === "TEXT_MESSAGE_CONTENT");
        expect(deltas.length).toBeGreaterThan(1);
        expect(deltas.map(({ delta }) => delta).join("") === large).toBe(true);
        for (const { delta } of deltas) expect(/[\ud800-\udbff]$/.test(String(delta))).toBe(false);
      }),
    );

    it(
      "any other event of that size is named by its cursor, at which its body is to be had",
      fresh(async (server) => {
        const session = new SessionClient(server);
        const large = json({ type: "CUSTOM", name: "big", value: "v".repeat(11 * 1024 * 1024) });
        const run = [startedEvent(), large, finishedEvent()];
        server.runner.script((exchange) => tell(exchange, run));
        const sse = await post(session, "/agui/run", JSON.parse(runBody()), STREAM);
        const [, event] = await allOf(sse);
        expect(event).toMatchObject({
          type: "CUSTOM",
          name: "runlog:large-event",
          value: { type: "CUSTOM", size: large.length },
        });
        const { cursor } = (event?.["value"] ?? {}) as { cursor?: string };
        const response = await session.get(`/agui/events/${cursor}/body`);
        expect(response.status).toBe(200);
        expect(response.headers.get("Content-Type")).toBe("application/json");
        expect((await response.text()) === large).toBe(true);
      }),
    );

    it(
      "the body of an event is found by any cursor, and by nothing else",
      fresh(async (server) => {
        const session = new SessionClient(server);
        const lines = await session.play([startedEvent(), finishedEvent()]);
        const { sse } = await session.watch("?view=raw");
        const events = await sse.events(lines.length);
        await sse.cancel();
        for (const { data, id } of events)
          expect(await (await session.get(`/agui/events/${id}/body`)).text()).toBe(data);
        const [logId = "", position = ""] = (events[0]?.id ?? "").split("-r");
        const body = (cursor: string): Promise<Response> =>
          session.get(`/agui/events/${cursor}/body`);
        await expectProblem(await body("nonsense"), 400, "Invalid cursor");
        for (const cursor of [
          `${logId}-r0`,
          `${logId}-r${Number(position) - 1}`,
          `${logId}-r99999999`,
          `0123456789abcdef-r${position}`,
        ])
          await expectProblem(await body(cursor), 404, "Event not found");
        const head = await session.get(`/agui/events/${events[0]?.id}/body`, {}, "HEAD");
        expect(head.headers.get("Content-Length")).toBe(String(events[0]?.data.length));
      }),
    );
  });
}
