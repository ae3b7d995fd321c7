import { describe, expect, it } from "vitest";
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
import { ProjectClient } from "./project-client.ts";

export function sessionDeleteSuite(fresh: FreshServer): void {
  describe("a session is deleted (PROTOCOL 7.10)", () => {
    it(
      "with all that was stored for it, and no other",
      fresh(async (server) => {
        const project = new ProjectClient(server);
        const name = await project.create({ displayName: "gone" });
        const kept = await project.create({ displayName: "kept" });
        await new SessionClient(server, name).play([finishedEvent()]);
        const twin = new SessionClient(server, name, "p2");
        const lines = await twin.play([finishedEvent()]);

        const response = await project.send("DELETE", name);
        expect(response.status).toBe(204);
        expect(await response.text()).toBe("");
        await expectProblem(await project.send("GET", name), 404, "Session not found");
        await expectProblem(await project.send("GET", `${name}/export`), 404, "Session not found");
        await expectProblem(await project.send("DELETE", name), 404, "Session not found");
        expect(await project.names()).toEqual([kept]);
        expect(await project.names("?search=gone")).toEqual([]);
        expect(await twin.lines()).toEqual(lines);
      }),
    );

    it(
      "in mid-run: its runs end, whoever watches sees why, and the runner is released",
      fresh(async (server) => {
        const session = new SessionClient(server);
        const runner = await openRunner(server, () => session.run(runBody("active")));
        await session.run(runBody("waiting"));
        await runner.write(`data: ${startedEvent("active")}\n\n`);
        const watches = [await session.watch(), await session.watch("?view=raw")];
        for (const { sse } of watches) await sse.events(3);
        const seen = watches.map(async ({ sse }) => {
          const events: unknown[] = [];
          for (let event = await sse.event(); event; event = await sse.event())
            events.push(JSON.parse(event.data));
          return events;
        });
        const deleted = await new ProjectClient(server).send("DELETE", "s1");
        expect(deleted.status).toBe(204);
        for (const events of await Promise.all(seen))
          expect(events).toContainEqual(
            expect.objectContaining({
              type: "RUN_ERROR",
              runId: "active",
              threadId: "s1",
              message: "Session was deleted",
              code: "session-deleted",
            }),
          );
        await runner.closed;
        expect(server.runner.requests).toHaveLength(1);
        expect((await session.get("")).status).toBe(404);
      }),
    );

    it(
      "and made again under its name has an empty log, to which nothing old leads",
      fresh(async (server) => {
        const session = new SessionClient(server);
        await session.play([startedEvent(), finishedEvent()]);
        const { sse } = await session.watch();
        const [, , last] = await sse.events(3);
        const uid = await uidOf(session);
        const ended = sse.event();
        expect((await new ProjectClient(server).send("DELETE", "s1")).status).toBe(204);
        expect(await ended).toBeNull();

        const waiting = await session.watch(`?after=${last?.id ?? ""}`);
        expect(waiting.response.headers.get("X-Runlog-Replay")).toBe("full; reason=another-log");
        // the same run and the same message: nothing is known of them any more
        server.runner.script((exchange) => tell(exchange, [finishedEvent()]));
        await session.run();
        const lines = await session.settled();
        expect(lines).toHaveLength(2);
        expect(lines[1]).toBe(finishedEvent());
        const events = await waiting.sse.events(2);
        expect(events.map(({ data }) => data)).toEqual(lines);
        for (const { id } of events) expect(id.slice(0, 16)).not.toBe(last?.id.slice(0, 16));
        const resumed = await session.watch("", { "Last-Event-ID": last?.id ?? "" });
        expect(resumed.response.headers.get("X-Runlog-Replay")).toBe("full; reason=another-log");
        expect(await uidOf(session)).not.toBe(uid);
        await Promise.all([waiting.sse.cancel(), resumed.sse.cancel()]);
      }),
    );

    it(
      "over and over while runs are posted to it: each log holds whole runs of its own",
      fresh(async (server) => {
        const session = new SessionClient(server);
        const project = new ProjectClient(server);
        server.runner.script(async (exchange) => {
          const { runId } = JSON.parse(new TextDecoder().decode(exchange.request.body)) as {
            runId: string;
          };
          await tell(exchange, [startedEvent(runId), finishedEvent(runId)]).catch(() => {
            // the session was deleted meanwhile, and its runner released
          });
        });
        for (let round = 0; round < 10; round++) {
          const runIds = Array.from({ length: 4 }, (_, i) => `${round}-${i}`);
          const posted = runIds.map((runId) => session.run(runBody(runId)));
          await posted[round % 4];
          const response = await project.send("DELETE", "s1");
          expect([204, 404]).toContain(response.status);
          await response.body?.cancel();
          await Promise.all(posted);
        }
        await session.run(runBody("last"));
        const lines = await session.settled("last");
        const ends = new Map<unknown, number>();
        for (const line of lines) {
          const { type, runId } = JSON.parse(line) as { type: string; runId: string };
          if (type === "MESSAGES_SNAPSHOT") expect(ends.has(runId)).toBe(false);
          if (type === "MESSAGES_SNAPSHOT") ends.set(runId, 0);
          // an event of a run that this log did not admit would be one of a log before it
          expect(ends.has(runId), line).toBe(true);
          if (/^RUN_(FINISHED|ERROR)$/.test(type)) ends.set(runId, (ends.get(runId) ?? 0) + 1);
        }
        expect(new Set(ends.values())).toEqual(new Set([1]));
      }),
    );
  });
}

async function uidOf(session: SessionClient): Promise<string> {
  const document = (await (await session.get("")).json()) as { metadata: { uid: string } };
  return document.metadata.uid;
}
