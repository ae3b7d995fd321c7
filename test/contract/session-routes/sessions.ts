import { describe, expect, it } from "vitest";
import {
  expectProblem,
  finishedEvent,
  type FreshServer,
  SessionClient,
  type SessionRoutesHarness,
} from "./harness.ts";

interface List {
  readonly items: { metadata: { name: string; namespace: string; creationTimestamp: string } }[];
  readonly totalCount: number;
}

export function sessionsSuite(fresh: FreshServer): void {
  describe("sessions (PROTOCOL 7)", () => {
    it(
      "exist once something was stored for them",
      fresh(async (server) => {
        const session = new SessionClient(server);
        await expectProblem(await session.get(""), 404, "Session not found");
        await session.play([finishedEvent()]);
        const response = await session.get("");
        expect(response.status).toBe(200);
        expect(await response.json()).toEqual({
          apiVersion: "vteam.ambient-code/v1alpha1",
          kind: "AgenticSession",
          metadata: {
            name: "s1",
            namespace: "p1",
            uid: expect.any(String),
            creationTimestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
          },
          spec: {
            displayName: "",
            llmSettings: { model: "", temperature: 0, maxTokens: 0 },
            timeout: 0,
          },
          status: { phase: "Running", agentStatus: "idle" },
          autoBranch: "ambient/s1",
        });
      }),
    );

    it(
      "are not made by looking at them",
      fresh(async (server) => {
        const session = new SessionClient(server);
        const { sse } = await session.watch();
        await sse.frame();
        await sse.cancel();
        await session.get("/export");
        expect((await list(server)).totalCount).toBe(0);
      }),
    );

    it(
      "are listed in pages that are disjoint and complete, newest first",
      fresh(async (server) => {
        const names: string[] = [];
        for (let i = 0; i < 25; i++) {
          names.unshift(`session-${i}`);
          await new SessionClient(server, `session-${i}`).play([finishedEvent()]);
        }
        await new SessionClient(server, "elsewhere", "p2").play([finishedEvent()]);
        const all = await list(server, "?limit=100");
        expect(new Set(all.items.map(({ metadata }) => metadata.name))).toEqual(new Set(names));
        const times = all.items.map(({ metadata }) => metadata.creationTimestamp);
        expect(times).toEqual(times.toSorted().toReversed());

        const first = await list(server, "");
        expect(first).toMatchObject({
          totalCount: 25,
          limit: 20,
          offset: 0,
          hasMore: true,
          nextOffset: 20,
        });
        expect(first.items).toHaveLength(20);
        const second = await list(server, "?offset=20");
        expect(second).toMatchObject({ limit: 20, offset: 20, hasMore: false });
        expect(second).not.toHaveProperty("nextOffset");
        expect([...first.items, ...second.items]).toEqual(all.items);
        expect((await list(server, "?search=SESSION-2&limit=-1")).totalCount).toBe(6);
        expect(await list(server, "?offset=99&limit=1000")).toMatchObject({
          items: [],
          limit: 100,
          hasMore: false,
          totalCount: 25,
        });
      }),
    );

    it(
      "of the same name in two projects have nothing in common",
      fresh(async (server) => {
        const one = new SessionClient(server, "same", "p1");
        const two = new SessionClient(server, "same", "p2");
        const mine = await one.play(['{"type":"CUSTOM","name":"of p1"}', finishedEvent()]);
        const { sse } = await one.watch();
        const seen = await sse.events(mine.length);

        expect((await two.get("")).status).toBe(404);
        expect((await two.get("/export")).status).toBe(404);
        const asking =
          '{"type":"TOOL_CALL_START","toolCallId":"q","toolCallName":"AskUserQuestion"}';
        const theirs = await two.play([asking, finishedEvent()]);
        expect(await one.lines()).toEqual(mine);
        expect(theirs.join("")).not.toContain("of p1");
        expect(await one.agentStatus()).toBe("idle");
        expect(await two.agentStatus()).toBe("waiting_input");

        // a cursor of the one is no position in the other
        const foreign = await two.watch("", { "Last-Event-ID": seen.at(-1)?.id ?? "" });
        expect(foreign.response.headers.get("X-Runlog-Replay")).toBe("full; reason=another-log");
        expect((await foreign.sse.events(theirs.length)).map(({ data }) => data)).toEqual(theirs);
        await Promise.all([sse.cancel(), foreign.sse.cancel()]);
      }),
    );

    it(
      "are listed empty for a project that has none, and not at all for bad parameters",
      fresh(async (server) => {
        expect(await list(server)).toEqual({
          items: [],
          totalCount: 0,
          limit: 20,
          offset: 0,
          hasMore: false,
        });
        for (const query of ["?limit=ten", "?offset=1.5", "?limit=99999999999999999999"]) {
          const response = await server.fetch(`/api/projects/p1/agentic-sessions${query}`);
          await expectProblem(response, 400, "Invalid pagination parameters");
        }
      }),
    );
  });
}

async function list(server: SessionRoutesHarness, query = ""): Promise<List> {
  const response = await server.fetch(`/api/projects/p1/agentic-sessions${query}`);
  expect(response.status).toBe(200);
  return (await response.json()) as List;
}
