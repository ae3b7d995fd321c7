import { describe, expect, it } from "vitest";
import {
  finishedEvent,
  type FreshServer,
  ODD_EVENTS,
  SessionClient,
  startedEvent,
} from "./harness.ts";

const RUN = [startedEvent(), ...ODD_EVENTS, finishedEvent()];

export function replaySuite(fresh: FreshServer): void {
  describe("replay (PROTOCOL 3 and 4)", () => {
    it(
      "shows every stored event once, in order, byte for byte, with a growing cursor after each",
      fresh(async (server) => {
        const session = new SessionClient(server);
        const lines = await session.play(RUN);
        expect(lines.slice(1)).toEqual(RUN);
        const { sse } = await session.watch();
        const events = await sse.events(lines.length);
        expect(events.map(({ data }) => data)).toEqual(lines);
        expect(new Set(events.map(({ id }) => id)).size).toBe(lines.length);
        await sse.cancel();
      }),
    );

    it(
      "goes on after any cursor, given by header or by query, the header winning",
      fresh(async (server) => {
        const session = new SessionClient(server);
        const lines = await session.play(RUN);
        const { sse } = await session.watch();
        const events = await sse.events(lines.length);
        await sse.cancel();
        for (const [index, { id }] of events.slice(0, -1).entries()) {
          const other = events[0]?.id ?? "";
          for (const watch of [
            await session.watch(`?after=${id}`),
            await session.watch("", { "Last-Event-ID": id }),
            await session.watch(`?after=${other}`, { "Last-Event-ID": id }),
          ]) {
            expect(watch.response.headers.get("X-Runlog-Replay")).toBeNull();
            const rest = await watch.sse.events(lines.length - index - 1);
            expect(rest.map(({ data }) => data)).toEqual(lines.slice(index + 1));
            await watch.sse.cancel();
          }
        }
      }),
    );

    it(
      "begins again from the start, and says why, for a cursor that cannot be used",
      fresh(async (server) => {
        const session = new SessionClient(server);
        const lines = await session.play(RUN);
        const { sse } = await session.watch("?view=raw");
        const [first] = await sse.events(1);
        await sse.cancel();
        const [logId = "", position = ""] = (first?.id ?? "").split("-r");
        for (const [cursor, reason] of [
          ["nonsense", "unreadable-cursor"],
          [`${logId}-r99999999`, "beyond-the-end"],
          [`${logId}-r${Number(position) - 1}`, "not-at-a-line"],
          [`0123456789abcdef-r${position}`, "another-log"],
        ]) {
          const watch = await session.watch("?view=raw", { "Last-Event-ID": cursor ?? "" });
          expect(watch.response.status).toBe(200);
          expect(watch.response.headers.get("X-Runlog-Replay")).toBe(`full; reason=${reason}`);
          await watch.sse.frame();
          expect((await watch.sse.frame())?.comments).toEqual([`full replay: ${reason}`]);
          const events = await watch.sse.events(lines.length);
          expect(events.map(({ data }) => data)).toEqual(lines);
          await watch.sse.cancel();
        }
      }),
    );

    it(
      "begins with a retry hint that differs from client to client",
      fresh(async (server) => {
        const session = new SessionClient(server);
        const hints = new Set<string | null>();
        for (let i = 0; i < 8; i++) {
          const { sse } = await session.watch();
          hints.add((await sse.frame())?.retry ?? null);
          await sse.cancel();
        }
        expect(hints).not.toContain(null);
        expect(hints.size).toBeGreaterThan(1);
      }),
    );

    it(
      "has the headers of an event stream, the raw view under its name, and no other view",
      fresh(async (server) => {
        const session = new SessionClient(server);
        const lines = await session.play(RUN);
        const { response, sse } = await session.watch("?view=raw&runId=ignored");
        expect(response.status).toBe(200);
        expect(response.headers.get("Content-Type")).toBe("text/event-stream");
        expect(response.headers.get("Cache-Control")).toBe("no-cache");
        expect(response.headers.get("X-Accel-Buffering")).toBe("no");
        expect((await sse.events(lines.length)).map(({ data }) => data)).toEqual(lines);
        await sse.cancel();
        expect((await session.get("/agui/events?view=other")).status).toBe(400);
      }),
    );

    it(
      "answers HEAD with the headers alone",
      fresh(async (server) => {
        const session = new SessionClient(server);
        await session.play(RUN);
        const response = await session.get("/agui/events", {}, "HEAD");
        expect(response.status).toBe(200);
        expect(response.headers.get("Content-Type")).toBe("text/event-stream");
        expect(await response.text()).toBe("");
      }),
    );
  });
}
