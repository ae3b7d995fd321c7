import { describe, expect, it, onTestFinished } from "vitest";
import { RunlogError } from "../../../src/ports/errors.ts";
import { expectProblem, SessionClient } from "../../contract/session-routes/harness.ts";
import { nextTurn, waitFor } from "../../contract/wait-for.ts";
import { createManualClock, type ManualClock } from "../../support/manual-clock.ts";
import {
  type ClusterServer,
  type ClusterServerOptions,
  createClusterServer,
  EDITOR,
  KEY,
  PROJECT,
} from "../../support/cluster-server.ts";

async function freshServer(options: ClusterServerOptions = {}): Promise<ClusterServer> {
  const server = await createClusterServer(options);
  onTestFinished(() => server.dispose());
  return server;
}

describe("an API server that fails", () => {
  it.each([
    ["GET", "", undefined, "Failed to list agentic sessions"],
    ["POST", "", {}, "Failed to create agentic session"],
    ["GET", "/s1", undefined, "Failed to get agentic session"],
    ["PATCH", "/s1", { metadata: { annotations: { a: "1" } } }, "Failed to get session"],
    ["PUT", "/s1", { timeout: 1 }, "Failed to get agentic session"],
    ["PUT", "/s1/displayname", { displayName: "x" }, "Failed to get agentic session"],
    ["DELETE", "/s1", undefined, "Failed to delete agentic session"],
    ["POST", "/s1/start", undefined, "Failed to get agentic session"],
    ["POST", "/s1/stop", undefined, "Failed to get agentic session"],
    ["GET", "/s1/agui/events", undefined, "Failed to get agentic session"],
    ["POST", "/s1/agui/run", { messages: [] }, "Failed to get agentic session"],
    ["POST", "/s1/agui/interrupt", {}, "Failed to get agentic session"],
    ["GET", "/s1/export", undefined, "Failed to get agentic session"],
  ])("makes %s %s 500 with a text that names no address", async (method, path, body, text) => {
    const server = await freshServer();
    server.state.directory = "fails";
    const response = await server.as(EDITOR, method, `${PROJECT}${path}`, body);
    await expectProblem(response, 500, text);
    expect(await server.store.stat(KEY)).toBeNull();
  });

  it("keeps no session waiting whose stream is open, nor those who look at it again", async () => {
    const server = await freshServer();
    const editor = new SessionClient(server.seenBy(EDITOR));
    const { sse } = await editor.watch();
    await sse.frame();
    server.state.directory = "fails";
    const again = await editor.watch();
    expect(again.response.status).toBe(200);
    await Promise.all([again.sse.cancel(), sse.cancel()]);
  });

  it("makes runners unavailable whose address it does not say", async () => {
    const server = await freshServer();
    const { directory } = server.service;
    Object.assign(directory, {
      addressOf: () => Promise.reject(new RunlogError("platform-failed", "10.0.0.1")),
    });
    await expectProblem(
      await server.as(EDITOR, "POST", `${PROJECT}/s1/agui/interrupt`, {}),
      502,
      "Runner is not available",
    );
    const session = new SessionClient(server.seenBy(EDITOR));
    await session.run();
    expect(JSON.parse((await session.settled()).at(-1) ?? "")).toMatchObject({
      type: "RUN_ERROR",
      code: "runner-unavailable",
      message: "Runner is not available",
    });
  });

  it("is what /ready says is missing, and /health does not care", async () => {
    const server = await freshServer();
    expect(await (await server.fetch("/ready")).json()).toEqual({ status: "ready" });
    Object.assign(server.platform, { check: () => Promise.reject(new Error("10.0.0.1")) });
    const response = await server.fetch("/ready");
    expect(response.status).toBe(503);
    expect(response.headers.get("Retry-After")).toBe("5");
    expect(await response.json()).toEqual({ status: "unavailable", missing: ["platform"] });
    expect((await server.fetch("/health")).status).toBe(200);
  });

  it("gives no pod events, which is no failure", async () => {
    const server = await freshServer();
    Object.assign(server.platform, { podEvents: () => Promise.reject(new Error("10.0.0.1")) });
    const response = await server.as(EDITOR, "GET", `${PROJECT}/s1/pod-events`);
    expect([response.status, await response.json()]).toEqual([200, { events: [] }]);
  });
});

describe("making a session", () => {
  it("asks the platform what its runner needs, under what the request wants", async () => {
    const server = await freshServer({
      platform: { runnerTypes: { other: { RUNNER_TYPE: "other", A: "registry", B: "registry" } } },
    });
    const made = await server.as(EDITOR, "POST", PROJECT, {
      runnerType: "other",
      environmentVariables: { B: "request" },
    });
    const { name } = (await made.json()) as { name: string };
    const document = await server.directory.get({ project: "p1", session: name });
    expect(document?.spec["environmentVariables"]).toEqual({
      RUNNER_TYPE: "other",
      A: "registry",
      B: "request",
    });
  });

  it.each([
    [{ runnerType: "x" }, "Runner type 'x' is not enabled. Contact your platform administrator."],
    [{ llmSettings: { model: "m9" } }, "Model is not available for this runner type"],
    [{}, "Model is not available for this runner type"],
    [{ llmSettings: { model: "m1" }, inactivityTimeout: -1 }, "inactivityTimeout must be >= 0"],
  ])("refuses %j", async (body, text) => {
    const models = "runnerType" in body ? ["claude-sonnet-4-6"] : ["m1", "m2"];
    const server = await freshServer({ models });
    await expectProblem(await server.as(EDITOR, "POST", PROJECT, body), 400, text);
  });

  it("has its own text where keys could not be checked", async () => {
    const server = await freshServer();
    Object.assign(server.platform, {
      runnerEnvironment: () => Promise.reject(new RunlogError("platform-failed", "10.0.0.1")),
    });
    await expectProblem(
      await server.as(EDITOR, "POST", PROJECT, {}),
      500,
      "Failed to validate API key configuration",
    );
  });

  it("takes over whom a parent belongs to, if the caller may read it", async () => {
    const server = await freshServer();
    const userContext = { userId: "parent-owner", displayName: "Owner", groups: [] };
    const parent = { project: "p1", session: "parent" };
    await server.directory.create(parent, { metadata: {}, spec: { userContext } });
    const contextOf = async () => {
      const made = await server.as(EDITOR, "POST", PROJECT, { parent_session_id: "parent" });
      const { name } = (await made.json()) as { name: string };
      return (await server.directory.get({ project: "p1", session: name }))?.spec["userContext"];
    };
    expect(await contextOf()).toEqual(userContext);
    const verbs = ["list", "create"] as const;
    server.users.set(EDITOR, { name: "ed:itor", grants: [{ project: "p1", verbs }] });
    expect(await contextOf()).toEqual({ userId: "ed-itor", displayName: "ed:itor", groups: [] });
  });
});

describe("changing a session that was made a moment ago", () => {
  /** Lets the pause after each of the first `times` looks pass. */
  async function passPauses(server: ClusterServer, clock: ManualClock, times: number) {
    const looks = (): number => server.asked.filter((what) => what === "directory").length;
    for (let i = 1; i <= times; i++) {
      await waitFor(() => looks() === i, { what: `look number ${i}` });
      // the pause begins in the turn after the look
      await nextTurn();
      clock.advance(299);
      await nextTurn();
      expect(looks()).toBe(i);
      clock.advance(1);
    }
    return looks;
  }

  it("looks for it five times, 300 ms apart", async () => {
    const clock = createManualClock();
    const server = await freshServer({ clock });
    const put = server.as(EDITOR, "PUT", `${PROJECT}/late`, { displayName: "found" });
    await passPauses(server, clock, 3);
    await waitFor(() => server.asked.filter((what) => what === "directory").length === 4);
    await nextTurn();
    await server.directory.create({ project: "p1", session: "late" }, { metadata: {}, spec: {} });
    clock.advance(300);
    expect((await put).status).toBe(200);
  });

  it("gives up after that", async () => {
    const clock = createManualClock();
    const server = await freshServer({ clock });
    const put = server.as(EDITOR, "PUT", `${PROJECT}/never`, { displayName: "found" });
    const looks = await passPauses(server, clock, 4);
    await expectProblem(await put, 404, "Session not found");
    expect(looks()).toBe(5);
  });
});
