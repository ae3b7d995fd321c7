import { expect, it, onTestFinished } from "vitest";
import { SseReader } from "../../contract/read-sse.ts";
import {
  answerJson,
  finishedEvent,
  startedEvent,
  tell,
} from "../../contract/session-routes/harness.ts";
import type { Document } from "../../contract/session-routes/project-client.ts";
import { waitFor } from "../../contract/wait-for.ts";
import { createClusterServer, EDITOR, PROJECT } from "../../support/cluster-server.ts";

const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/;
const POD_EVENT = {
  type: "Normal",
  reason: "Started",
  message: "Started container",
  timestamp: "2026-01-01T00:00:00Z",
  count: 1,
};
/** What the front end's server adds to every request. */
const FORWARDED = {
  "X-Forwarded-User": "ed:itor",
  "X-Forwarded-Email": "editor@example.com",
  "X-Forwarded-Preferred-Username": "Ed Itor",
  "X-Forwarded-Groups": "g",
  "X-Forwarded-Access-Token": EDITOR,
  Authorization: `Bearer ${EDITOR}`,
};

it("the front end's calls, in their order, get what it reads in the answers", async () => {
  const server = await createClusterServer({ platform: { podEvents: [POD_EVENT] } });
  onTestFinished(() => server.dispose());

  async function call(method: string, path: string, body?: unknown) {
    const response = await server.fetch(`${PROJECT}${path}`, {
      method,
      headers: { ...FORWARDED, ...(body !== undefined && { "Content-Type": "application/json" }) },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, json: text === "" ? null : (JSON.parse(text) as unknown) };
  }

  const made = await call("POST", "", {
    displayName: "Fix it",
    initialPrompt: "Fix the test",
    runnerType: "claude-agent-sdk",
    llmSettings: { model: "claude-sonnet-4-6", temperature: 0.7, maxTokens: 4000 },
    userContext: { userId: "somebody-else", displayName: "Else", groups: ["admins"] },
  });
  const { name } = made.json as { name: string };
  expect(made).toEqual({
    status: 201,
    json: {
      message: "Agentic session created successfully",
      name: expect.stringMatching(/^session-[0-9a-f-]{36}$/),
      uid: expect.any(String),
      autoBranch: `ambient/${name}`,
    },
  });

  const key = { project: "p1", session: name };
  const phase = (text: string) =>
    server.directory.update(key, (document) => ({ ...document, status: { phase: text } }));
  await phase("Pending");
  const document = {
    apiVersion: "vteam.ambient-code/v1alpha1",
    kind: "AgenticSession",
    metadata: {
      name,
      namespace: "p1",
      uid: expect.any(String),
      creationTimestamp: expect.stringMatching(TIME),
    },
    spec: {
      displayName: "Fix it",
      initialPrompt: "Fix the test",
      timeout: 300,
      llmSettings: { model: "claude-sonnet-4-6", temperature: 0.7, maxTokens: 4000 },
      userContext: { userId: "ed-itor", displayName: "ed:itor", groups: ["g"] },
      environmentVariables: { RUNNER_TYPE: "claude-agent-sdk" },
    },
    status: { phase: "Pending" },
    autoBranch: `ambient/${name}`,
  };
  expect(await call("GET", `/${name}`)).toEqual({ status: 200, json: document });
  expect(await call("GET", "?limit=20&offset=0&search=FIX")).toEqual({
    status: 200,
    json: { items: [document], totalCount: 1, limit: 20, offset: 0, hasMore: false },
  });
  expect(await call("GET", `/${name}/pod-events`)).toEqual({
    status: 200,
    json: { events: [POD_EVENT] },
  });

  await phase("Running");
  const streamed = await server.fetch(`${PROJECT}/${name}/agui/events?runId=x`, {
    headers: FORWARDED,
  });
  expect(streamed.status).toBe(200);
  expect(streamed.headers.get("Content-Type")).toBe("text/event-stream");
  if (!streamed.body) throw new Error("No stream");
  const sse = new SseReader(streamed.body);

  server.runner.script(async (exchange) => {
    const { runId } = JSON.parse(new TextDecoder().decode(exchange.request.body)) as {
      runId: string;
    };
    await tell(exchange, [startedEvent(runId), finishedEvent(runId)]);
  });
  const message = { id: "m1", role: "user", content: "hello" };
  const body = { threadId: name, parentRunId: "", messages: [message], tools: [] };
  const run = await call("POST", `/${name}/agui/run`, body);
  const { runId } = run.json as { runId: string };
  expect(run).toEqual({ status: 200, json: { runId: expect.any(String), threadId: name } });
  const events = (await sse.events(3)).map(({ data }) => JSON.parse(data) as unknown);
  expect(events).toMatchObject([
    {
      type: "MESSAGES_SNAPSHOT",
      messages: [{ ...message, metadata: { senderId: "ed-itor", senderDisplayName: "ed:itor" } }],
    },
    { type: "RUN_STARTED", runId },
    { type: "RUN_FINISHED", runId },
  ]);
  await waitFor(async () => {
    const { json } = await call("GET", `/${name}`);
    return (json as Document).status.agentStatus === "idle";
  });

  for (const [path, answer] of [
    ["interrupt", { message: "Interrupt signal sent" }],
    ["feedback", { message: "Feedback submitted", status: "sent" }],
  ] as const) {
    server.runner.script((exchange) => answerJson(exchange, 200, {}), path);
    const sent =
      path === "interrupt" ? { runId } : { type: "META", metaType: "thumbs_up", payload: {} };
    expect(await call("POST", `/${name}/agui/${path}`, sent)).toEqual({
      status: 200,
      json: answer,
    });
  }
  expect(await call("GET", `/${name}/mcp/status`)).toEqual({
    status: 200,
    json: { servers: [], totalCount: 0 },
  });
  expect(await call("GET", `/${name}/agui/capabilities`)).toMatchObject({
    status: 200,
    json: { framework: "unknown" },
  });
  expect(await call("PUT", `/${name}/displayname`, { displayName: "Fixed" })).toMatchObject({
    status: 200,
    json: { spec: { displayName: "Fixed" }, status: { phase: "Running", agentStatus: "idle" } },
  });
  expect(await call("PUT", `/${name}`, { timeout: 60 })).toMatchObject({
    status: 409,
    json: {
      error: "Cannot modify session specification while the session is running",
      phase: "Running",
    },
  });
  const patch = { metadata: { annotations: { "example.com/pinned": "true" } } };
  expect(await call("PATCH", `/${name}`, patch)).toEqual({
    status: 200,
    json: { message: "Session patched successfully", annotations: patch.metadata.annotations },
  });
  for (const [verb, wanted] of [
    ["stop", "Stopped"],
    ["start", "Running"],
  ])
    expect(await call("POST", `/${name}/${verb}`)).toMatchObject({
      status: 202,
      json: {
        metadata: {
          annotations: {
            "ambient-code.io/desired-phase": wanted,
            [`ambient-code.io/${verb}-requested-at`]: expect.stringMatching(TIME),
          },
        },
      },
    });
  const exported = await call("GET", `/${name}/export`);
  expect(exported).toMatchObject({
    status: 200,
    json: { sessionId: name, projectName: "p1", hasLegacy: false },
  });
  expect((exported.json as { aguiEvents: unknown[] }).aguiEvents).toHaveLength(4);
  await sse.cancel();

  expect(await call("DELETE", `/${name}`)).toEqual({ status: 204, json: null });
  expect(await call("GET", `/${name}`)).toMatchObject({
    status: 404,
    json: { error: "Session not found" },
  });
});
