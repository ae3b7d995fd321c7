import { describe, expect, it } from "vitest";
import { waitFor } from "../wait-for.ts";
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

const RUN = [startedEvent(), ...ODD_EVENTS, finishedEvent()];
const GIVE_UP = '{"deleteLocal":true}';

interface Summary {
  readonly project: string;
  readonly session: string;
  readonly logId: string;
  readonly archivedAt: string;
  readonly cursor: string;
  readonly logs: readonly { name: string; bytes: number; storedBytes: number; sha256: string }[];
}

/** The routes of a server that has an archive. */
export function archiveSuite(fresh: FreshServer): void {
  describe("archive (PROTOCOL 16)", () => {
    describeArchived(fresh);
    describeLife(fresh);
    describeRefusals(fresh);
  });
}

/** The same routes of a server that has none. */
export function noArchiveSuite(fresh: FreshServer): void {
  describe("archive (PROTOCOL 16) without one", () => {
    it.each(["/archive", "/restore"])("%s answers 501 and says why", (route) =>
      fresh(async (server) => {
        const session = new SessionClient(server);
        await session.play(RUN);
        const answer = await session.post(route, "{}");
        await expectProblem(answer, 501, "No archive is configured");
      })(),
    );
  });
}

function describeArchived(fresh: FreshServer): void {
  it(
    "tells what was archived, the same when it is asked for again",
    fresh(async (server) => {
      const session = new SessionClient(server);
      const lines = await session.play(RUN);
      const bytes = new TextEncoder().encode(`${lines.join("\n")}\n`);
      const summary = await archive(session);
      const { logId, archivedAt } = summary;
      expect(summary).toMatchObject({ project: "p1", session: "s1" });
      expect(summary.cursor).toBe(`${logId}-r${bytes.length}`);
      expect(archivedAt).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
      const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
      const sha256 = Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
      const raw = summary.logs.find(({ name }) => name === "raw");
      expect(raw).toEqual({
        name: "raw",
        bytes: bytes.length,
        sha256,
        storedBytes: raw?.storedBytes,
      });
      expect(raw?.storedBytes).toBeGreaterThan(0);
      expect(await archive(session, GIVE_UP)).toEqual(summary);
      expect(await archive(session, GIVE_UP)).toEqual(summary);
      expect(await archive(session)).toEqual(summary);
    }),
  );

  it(
    "shows the same bytes under the same cursors, from any of them",
    fresh(async (server) => {
      const session = new SessionClient(server);
      const lines = await session.play(RUN);
      const before = await session.watch();
      const events = await before.sse.events(lines.length);
      await before.sse.cancel();
      await archive(session, GIVE_UP);
      for (const [index, { id }] of [{ id: "" }, ...events].entries()) {
        if (index === events.length) continue;
        const { response, sse } = await session.watch("", id ? { "Last-Event-ID": id } : {});
        expect(response.headers.get("X-Runlog-Replay")).toBeNull();
        expect(await sse.events(events.length - index)).toEqual(events.slice(index));
        await sse.cancel();
      }
      expect(await session.lines()).toEqual(lines);
      const document = await (await session.get("/export")).text();
      expect(document).toContain(`"aguiEvents":[${lines.join(",")}]`);
    }),
  );

  it(
    "is in the list as before, and may be renamed",
    fresh(async (server) => {
      const session = new SessionClient(server);
      await session.play(RUN);
      const list = async (): Promise<unknown> =>
        (await server.fetch("/api/projects/p1/agentic-sessions")).json();
      const before = await list();
      await archive(session, GIVE_UP);
      expect(await list()).toEqual(before);
      const named = await server.fetch(`${session.path}/displayname`, {
        method: "PUT",
        headers: { "Content-Type": "application/json" },
        body: '{"displayName":"kept"}',
      });
      expect(named.status).toBe(200);
      expect(JSON.stringify(await list())).toContain('"displayName":"kept"');
      expect(await session.agentStatus()).toBe("idle");
    }),
  );
}

function describeLife(fresh: FreshServer): void {
  it(
    "is restored by a new run, whose events come after the old ones for whoever comes back",
    fresh(async (server) => {
      const session = new SessionClient(server);
      const lines = await session.play(RUN);
      const first = await session.watch();
      const seen = (await first.sse.events(lines.length)).at(-1)?.id ?? "";
      await first.sse.cancel();
      await archive(session, GIVE_UP);
      const { sse } = await session.watch("", { "Last-Event-ID": seen });
      server.runner.script((exchange) => tell(exchange, [startedEvent("r2"), finishedEvent("r2")]));
      await session.run(runBody("r2"));
      const [said, ...more] = await sse.events(3);
      expect(said?.data).toContain('"MESSAGES_SNAPSHOT"');
      expect(more.map(({ data }) => data)).toEqual([startedEvent("r2"), finishedEvent("r2")]);
      await sse.cancel();
      const all = await session.settled("r2");
      expect(all).toEqual([...lines, said?.data, startedEvent("r2"), finishedEvent("r2")]);
      const again = await archive(session, GIVE_UP);
      expect(again.cursor).toBe(more.at(-1)?.id);
      expect(await session.lines()).toEqual(all);
    }),
  );

  it(
    "is restored when that is asked for, any number of times",
    fresh(async (server) => {
      const session = new SessionClient(server);
      const lines = await session.play(RUN);
      const { logId } = await archive(session, GIVE_UP);
      for (let time = 0; time < 2; time++) {
        const answer = await session.post("/restore", "{}");
        expect(answer.status).toBe(200);
        expect(await answer.json()).toEqual({ project: "p1", session: "s1", logId });
        expect(await session.lines()).toEqual(lines);
      }
    }),
  );

  it(
    "goes with its session",
    fresh(async (server) => {
      const session = new SessionClient(server);
      await session.play(RUN);
      const { logId } = await archive(session, GIVE_UP);
      expect((await server.fetch(session.path, { method: "DELETE" })).status).toBe(204);
      await expectProblem(await session.get("/export"), 404, "Session not found");
      await expectProblem(await session.post("/archive", "{}"), 404, "Session not found");
      await session.play(RUN);
      expect((await archive(session)).logId).not.toBe(logId);
    }),
  );
}

function describeRefusals(fresh: FreshServer): void {
  it(
    "refuses a session that has an open run, and nothing of it is gone",
    fresh(async (server) => {
      const session = new SessionClient(server);
      const runner = await openRunner(server, () => session.run());
      await runner.write(`data: ${startedEvent()}\n\n`);
      const answer = await session.post("/archive", GIVE_UP);
      const problem = await expectProblem(answer, 409, "The session has a run that is not over");
      expect(problem["runId"]).toBe("r");
      await runner.write(`data: ${finishedEvent()}\n\n`);
      await runner.end();
      expect((await session.settled()).slice(1)).toEqual([startedEvent(), finishedEvent()]);
    }),
  );

  it(
    "answers calls at once with one archive",
    fresh(async (server) => {
      const session = new SessionClient(server);
      const lines = await session.play(RUN);
      await archive(session);
      const answers = await Promise.all(
        [GIVE_UP, "{}", GIVE_UP, "{}", GIVE_UP].map((body) => session.post("/archive", body)),
      );
      const summaries = await Promise.all(answers.map((answer) => answer.json()));
      for (const summary of summaries) expect(summary).toEqual(summaries[0]);
      expect(await session.lines()).toEqual(lines);
    }),
  );

  it(
    "takes no target and no other body",
    fresh(async (server) => {
      const session = new SessionClient(server);
      await session.play(RUN);
      for (const body of ['{"deleteLocal":"yes"}', "[]", "no"])
        await expectProblem(await session.post("/archive", body), 400, "Invalid request body");
      const typed = { "Content-Type": "text/plain" };
      expect((await session.post("/archive", "{}", typed)).status).toBe(415);
      await expectProblem(
        await new SessionClient(server, "s2").post("/archive", "{}"),
        404,
        "Session not found",
      );
    }),
  );
}

/** Archives a session whose run may be over for its viewers a moment before it is for the server. */
async function archive(session: SessionClient, body = "{}"): Promise<Summary> {
  const answer = await waitFor(
    async () => {
      const response = await session.post("/archive", body);
      if (response.status !== 409) return response;
      await response.body?.cancel();
      return null;
    },
    { what: "a session without a run" },
  );
  const text = await answer.text();
  expect(answer.status, text).toBe(200);
  return JSON.parse(text) as Summary;
}
