import { describe, expect, it } from "vitest";
import {
  expectProblem,
  finishedEvent,
  type FreshServer,
  ODD_EVENTS,
  openRunner,
  runBody,
  SessionClient,
  startedEvent,
  tell,
} from "./harness.ts";
import { ProjectClient } from "./project-client.ts";
import { eventsIn, StreamClient } from "./stream-client.ts";

const custom = (value: unknown): string => JSON.stringify({ type: "CUSTOM", name: "n", value });

export function logStreamsSuite(fresh: FreshServer): void {
  describe("Durable Streams: a session is read (PROTOCOL 23.2-23.4)", () => {
    it(
      "as a JSON array of all events, byte for byte",
      fresh(async (server) => {
        const session = new SessionClient(server);
        const lines = await session.play([startedEvent(), ...ODD_EVENTS, finishedEvent()]);
        const stream = new StreamClient(server);
        const { texts, last } = await stream.catchUp();
        expect(eventsIn(texts)).toBe(lines.join(","));
        expect(last.headers.get("Content-Type")).toBe("application/json");
        expect(last.isClosed).toBe(false);
        expect(last.next).toMatch(/^[a-z0-9]{16}_\d{16}$/);
        const again = await stream.part();
        expect(eventsIn([again.text])).toBe(lines.join(","));
      }),
    );

    it(
      "in parts of some MiB, also of events that are longer, each from the offset of the one before",
      fresh(async (server) => {
        const session = new SessionClient(server);
        const large = [custom("x".repeat(600_000)), custom("y".repeat(1_200_000)), custom("z")];
        const many = Array.from({ length: 1_500 }, (_, i) => custom(`${i} ${"-".repeat(900)}`));
        const lines = await session.play([startedEvent(), ...large, ...many, finishedEvent()]);
        const { texts } = await new StreamClient(server).catchUp();
        expect(texts.length).toBeGreaterThan(2);
        expect(eventsIn(texts)).toBe(lines.join(","));
        for (const text of texts) JSON.parse(text);
      }),
    );

    it(
      "from any offset, and from now",
      fresh(async (server) => {
        const session = new SessionClient(server);
        const stream = new StreamClient(server);
        const runner = await openRunner(server, () => session.run());
        const parts: string[] = [];
        let at = (await stream.catchUp()).last.next;
        for (let i = 0; i < 5; i++) {
          await runner.write(`data: ${custom(i)}\n\n`);
          const part = await stream.part(`?offset=${at}&live=long-poll`);
          expect(part.status).toBe(200);
          expect(part.next > at).toBe(true);
          parts.push(part.text);
          const same = await stream.part(`?offset=${at}`);
          expect(same.text).toBe(part.text);
          at = part.next;
        }
        // the first of them brings RUN_STARTED as well
        expect(eventsIn(parts).split("},{").length).toBe(5);
        const now = await stream.part("?offset=now");
        expect(now).toMatchObject({ status: 200, text: "[]", next: at, isUpToDate: true });
        expect(now.headers.get("Cache-Control")).toContain("no-store");
        expect(now.headers.get("ETag")).toBeNull();
        await runner.write(`data: ${finishedEvent()}\n\n`);
        await runner.end();
        const rest = await stream.part(`?offset=${at}&live=long-poll`);
        expect(rest.text).toBe(`[${finishedEvent()}]`);
      }),
    );

    it(
      "an offset that the stream has not given is 400, one of a log that is gone 404",
      fresh(async (server) => {
        await new SessionClient(server).play([startedEvent(), finishedEvent()]);
        const stream = new StreamClient(server);
        const { next } = await stream.part();
        const [logId = "", end = ""] = next.split("_");
        const digits = (offset: number): string => `${logId}_${String(offset).padStart(16, "0")}`;
        const bad = [
          "",
          "1",
          "0_1",
          "a,b",
          "-2",
          "NOW",
          digits(Number(end) + 1),
          digits(Number(end) - 1),
          `${next}_${end}`,
          `${logId}_${Number(end)}`,
          `${logId}_9999999999999999`,
        ];
        for (const offset of bad)
          await expectProblem(
            await stream.fetch(`?offset=${encodeURIComponent(offset)}`),
            400,
            /^Invalid offset/,
          );
        await expectProblem(await stream.fetch(`?offset=${next}&offset=-1`), 400, /offset/);
        await expectProblem(await stream.fetch("?live=sse"), 400, /needs an offset/);
        await expectProblem(await stream.fetch("?live=long-poll"), 400, /needs an offset/);
        await expectProblem(await stream.fetch("?offset=-1&live=yes"), 400, /^Invalid live/);
        const old = `?offset=0abcdefghijklmno_${end}`;
        for (const live of ["", "&live=sse", "&live=long-poll"])
          await expectProblem(await stream.fetch(`${old}${live}`), 404, /gone/);
        const nobody = new StreamClient(server, "nobody");
        for (const query of ["", "?offset=now", "?offset=-1&live=sse", "?offset=-1&live=long-poll"])
          await expectProblem(await nobody.fetch(query), 404, "Session not found");
      }),
    );

    it(
      "a log that was deleted is 404 for its offsets, though the session is made again",
      fresh(async (server) => {
        const session = new SessionClient(server);
        await session.play([startedEvent(), finishedEvent()]);
        const stream = new StreamClient(server);
        const { next } = await stream.part();
        const live = await stream.live(next);
        await live.until(({ upToDate }) => upToDate === true);
        await new ProjectClient(server).send("DELETE", "s1");
        expect(await live.frame()).toBeNull();
        await session.play([startedEvent(), finishedEvent()]);
        await expectProblem(await stream.fetch(`?offset=${next}`), 404, /gone/);
        expect((await stream.part("?offset=-1")).status).toBe(200);
      }),
    );

    it(
      "with an ETag, by which nothing is sent twice",
      fresh(async (server) => {
        const session = new SessionClient(server);
        await session.play([startedEvent(), finishedEvent()]);
        const stream = new StreamClient(server);
        const first = await stream.part("?offset=-1");
        const etag = first.headers.get("ETag") ?? "";
        expect(etag).toMatch(/^".+"$/);
        for (const given of [etag, `"x", W/${etag}`]) {
          const same = await stream.part("?offset=-1", { "If-None-Match": given });
          expect(same).toMatchObject({ status: 304, text: "" });
        }
        server.runner.script((exchange) =>
          tell(exchange, [startedEvent("again"), finishedEvent("again")]),
        );
        await session.run(runBody("again"));
        await session.settled("again");
        const more = await stream.part("?offset=-1", { "If-None-Match": etag });
        expect(more.status).toBe(200);
        expect(more.headers.get("ETag")).not.toBe(etag);
      }),
    );

    it(
      "HEAD says where it ends",
      fresh(async (server) => {
        await new SessionClient(server).play([startedEvent(), finishedEvent()]);
        const stream = new StreamClient(server);
        const { next } = await stream.part();
        const head = await stream.fetch("", { method: "HEAD" });
        expect(head.status).toBe(200);
        expect(head.headers.get("Stream-Next-Offset")).toBe(next);
        expect(head.headers.get("Content-Type")).toBe("application/json");
        expect(head.headers.get("Cache-Control")).toContain("no-store");
        expect(await head.text()).toBe("");
        const nobody = await new StreamClient(server, "nobody").fetch("", { method: "HEAD" });
        expect(nobody.status).toBe(404);
      }),
    );

    it(
      "live: each part is an event, and a control event after it says where to go on",
      fresh(async (server) => {
        const session = new SessionClient(server);
        const stream = new StreamClient(server);
        const runner = await openRunner(server, () => session.run());
        await runner.write(`data: ${startedEvent()}\n\n`);
        const seen: string[] = [];
        let at = "-1";
        for (let i = 0; i < 20; i++) {
          const live = await stream.live(at);
          expect(live.response.headers.get("Content-Type")).toBe("text/event-stream");
          await runner.write(`data: ${custom(i)}\n\n`);
          while (!seen.join().includes(custom(i))) {
            const { texts, last } = await live.until(
              ({ streamNextOffset }) => streamNextOffset > at || at === "-1",
            );
            seen.push(...texts.map((text) => text.slice(1, -1)));
            expect(last.streamCursor).toMatch(/^\d+$/);
            at = last.streamNextOffset;
          }
          await live.cancel();
        }
        await runner.end();
        // what the server adds as the runner's answer ends comes later
        const sent = (await session.lines()).filter((line) => !line.includes("RUN_ERROR"));
        expect(seen.join(",")).toBe(sent.join(","));
      }),
    );

    it(
      "live from now: the first event says where that is, and nothing that was before is sent",
      fresh(async (server) => {
        const session = new SessionClient(server);
        const stream = new StreamClient(server);
        const runner = await openRunner(server, () => session.run());
        await runner.write(`data: ${startedEvent()}\n\n`);
        await session.watch().then(async ({ sse }) => {
          await sse.events(2);
          await sse.cancel();
        });
        const { next } = await stream.part("?offset=now");
        const live = await stream.live("now");
        const first = await live.until(() => true);
        expect(first).toMatchObject({
          texts: [],
          last: { streamNextOffset: next, upToDate: true },
        });
        await runner.write(`data: ${custom(1)}\n\n`);
        expect((await live.until(() => true)).texts).toEqual([`[${custom(1)}]`]);
        await live.cancel();
        await runner.end();
      }),
    );

    it(
      "a long poll that nothing comes for is 204, with a cursor that only grows",
      fresh(async (server) => {
        await new SessionClient(server).play([startedEvent(), finishedEvent()]);
        const stream = new StreamClient(server);
        const { next } = await stream.part();
        let cursor = "";
        for (let i = 0; i < 3; i++) {
          const poll = await stream.part(`?offset=${next}&live=long-poll&cursor=${cursor}`);
          expect(poll).toMatchObject({ status: 204, text: "", next, isUpToDate: true });
          const given = poll.headers.get("Stream-Cursor") ?? "";
          expect(Number(given)).toBeGreaterThan(Number(cursor));
          cursor = given;
        }
      }),
    );
  });

  describe("Durable Streams: a run is read (PROTOCOL 23.5)", () => {
    it(
      "from its RUN_STARTED to its terminal, where the stream is closed",
      fresh(async (server) => {
        const session = new SessionClient(server);
        for (const runId of ["r1", "r2", "r3"]) {
          const runner = await openRunner(server, () => session.run(runBody(runId)));
          const stream = new StreamClient(server, `s1/runs/${runId}`);
          const early = await stream.part();
          expect(early).toMatchObject({ status: 200, text: "[]", isClosed: false });
          const events = [startedEvent(runId), custom(runId), finishedEvent(runId)];
          const live = await stream.live("-1");
          const late = await stream.live(early.next);
          const poll = stream.part(`?offset=${early.next}&live=long-poll`);
          for (const event of events) await runner.write(`data: ${event}\n\n`);
          await runner.end();
          for (const reader of [live, late]) {
            const { texts, last } = await reader.until(({ streamClosed }) => streamClosed === true);
            expect(eventsIn(texts)).toBe(events.join(","));
            expect(last).toEqual({ streamNextOffset: expect.any(String), streamClosed: true });
            expect(await reader.frame()).toBeNull();
          }
          expect((await poll).text).toMatch(/^\[\{"type":"RUN_STARTED"/);
          await session.settled(runId);
        }
        for (const runId of ["r1", "r2", "r3"]) {
          const stream = new StreamClient(server, `s1/runs/${runId}`);
          const whole = await stream.part();
          const events = [startedEvent(runId), custom(runId), finishedEvent(runId)];
          expect(whole).toMatchObject({ text: `[${events.join(",")}]`, isClosed: true });
          const at = await stream.part(`?offset=${whole.next}`);
          expect(at).toMatchObject({ text: "[]", isClosed: true, isUpToDate: true });
          const poll = await stream.part(`?offset=${whole.next}&live=long-poll`);
          expect(poll).toMatchObject({ status: 204, isClosed: true });
          const head = await stream.fetch("", { method: "HEAD" });
          expect(head.headers.get("Stream-Closed")).toBe("true");
          expect(head.headers.get("Stream-Next-Offset")).toBe(whole.next);
          const now = await stream.part("?offset=now");
          expect(now).toMatchObject({ text: "[]", isClosed: true, next: whole.next });
        }
      }),
    );

    it(
      "404 for a run that the session never had, and 400 for a session's offset",
      fresh(async (server) => {
        await new SessionClient(server).play([startedEvent(), finishedEvent()]);
        const { next } = await new StreamClient(server).part();
        const none = new StreamClient(server, "s1/runs/none");
        await expectProblem(await none.fetch(), 404, "Run not found");
        await expectProblem(await none.fetch("?offset=-1&live=sse"), 404, "Run not found");
        const run = new StreamClient(server, "s1/runs/r");
        await expectProblem(await run.fetch(`?offset=${next}`), 400, /^Invalid offset/);
      }),
    );
  });
}
