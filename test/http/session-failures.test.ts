import { describe, expect, it } from "vitest";
import { createMemoryLogStore } from "../../adapters/memory/index.ts";
import { RunlogError } from "../../src/ports/errors.ts";
import type { LogStore, SessionKey } from "../../src/ports/log-store.ts";
import {
  expectProblem,
  finishedEvent,
  openRunner,
  runBody,
  SessionClient,
  startedEvent,
  tell,
} from "../contract/session-routes/harness.ts";
import { ProjectClient } from "../contract/session-routes/project-client.ts";
import { waitFor } from "../contract/wait-for.ts";
import { createFastClock } from "../support/fast-clock.ts";
import { createTestServer } from "../support/test-server.ts";

type Operation = "stat" | "create" | "setDocument" | "append" | "delete";

/** A memory store whose operations fail as long as they are in `broken`. */
function breakableStore(): { readonly store: LogStore; readonly broken: Set<Operation> } {
  const memory = createMemoryLogStore();
  const broken = new Set<Operation>();
  const check = (name: Operation): void => {
    if (broken.has(name)) throw new RunlogError("store-failed", "EIO at /data/secret");
  };
  const store: LogStore = {
    ...memory,
    stat: async (key) => (check("stat"), memory.stat(key)),
    create: async (key) => (check("create"), memory.create(key)),
    setDocument: async (...args) => (check("setDocument"), memory.setDocument(...args)),
    append: async (...args) => (check("append"), memory.append(...args)),
    delete: async (key) => (check("delete"), memory.delete(key)),
  };
  return { store, broken };
}

const PATCH = { metadata: { annotations: { a: "1" } } };
const NAME = { displayName: "name" };

describe("a store that fails", () => {
  it.each<[string, string, unknown, Operation, string]>([
    ["POST", "", {}, "create", "Failed to create agentic session"],
    ["POST", "", {}, "setDocument", "Failed to create agentic session"],
    ["PATCH", "s1", PATCH, "stat", "Failed to get session"],
    ["PATCH", "s1", PATCH, "setDocument", "Failed to patch session"],
    ["PUT", "s1", { mcpServers: {} }, "stat", "Failed to get agentic session"],
    ["PUT", "s1", { mcpServers: {} }, "setDocument", "Failed to update agentic session"],
    ["PUT", "s1/displayname", NAME, "stat", "Failed to get agentic session"],
    ["PUT", "s1/displayname", NAME, "setDocument", "Failed to update display name"],
    ["POST", "s1/start", undefined, "stat", "Failed to get agentic session"],
    ["POST", "s1/start", undefined, "setDocument", "Failed to update session"],
    ["POST", "s1/stop", undefined, "stat", "Failed to get agentic session"],
    ["POST", "s1/stop", undefined, "setDocument", "Failed to update session"],
    ["DELETE", "s1", undefined, "delete", "Failed to delete agentic session"],
  ])("makes %s %s 500 with the route's own text, and changes nothing", async (...row) => {
    const [method, path, body, operation, text] = row;
    const { store, broken } = breakableStore();
    const server = await createTestServer({ store });
    const project = new ProjectClient(server);
    await new SessionClient(server).play([finishedEvent()]);
    const before = await project.get("s1");
    broken.add(operation);
    await expectProblem(await project.send(method, path, { body }), 500, text);
    broken.clear();
    expect(await project.names()).toEqual(["s1"]);
    expect(await project.get("s1")).toEqual(before);
    await server.dispose();
  });

  it("keeps no session from being deleted whose runs it does not let end", async () => {
    const { store, broken } = breakableStore();
    const server = await createTestServer({ store, clock: createFastClock() });
    const session = new SessionClient(server);
    const runner = await openRunner(server, () => session.run(runBody("active")));
    await session.run(runBody("waiting"));
    broken.add("append");
    expect((await new ProjectClient(server).send("DELETE", "s1")).status).toBe(204);
    await runner.closed;
    expect(server.service.runs.busySessions).toBe(0);
    broken.clear();
    server.runner.script((exchange) => tell(exchange, [finishedEvent("new")]));
    await session.run(runBody("new"));
    expect(await session.settled("new")).toHaveLength(2);
    await server.dispose();
  });
});

/** A memory store whose deletions wait until they are let go. */
function slowlyDeletingStore() {
  const memory = createMemoryLogStore();
  const begun = Promise.withResolvers<void>();
  const letGo = Promise.withResolvers<void>();
  const store: LogStore = {
    ...memory,
    async delete(key) {
      begun.resolve();
      await letGo.promise;
      return memory.delete(key);
    },
  };
  return { store, begun: begun.promise, letGo: letGo.resolve };
}

describe("while a session is being deleted", () => {
  it("a run that is posted waits, and belongs to the session that is made after it", async () => {
    const { store, begun, letGo } = slowlyDeletingStore();
    const server = await createTestServer({ store });
    const session = new SessionClient(server);
    const runner = await openRunner(server, () => session.run(runBody("old")));
    await runner.write(`data: ${startedEvent("old")}\n\n`);
    const deleted = new ProjectClient(server).send("DELETE", "s1");
    await begun;
    server.runner.script((exchange) => tell(exchange, [finishedEvent("new")]));
    const posted = session.run(runBody("new"));
    const again = new ProjectClient(server).send("DELETE", "s1");
    letGo();
    expect((await deleted).status).toBe(204);
    await expectProblem(await again, 404, "Session not found");
    expect(await posted).toEqual({ runId: "new", threadId: "s1" });
    const lines = await session.settled("new");
    expect(lines).toHaveLength(2);
    expect(lines.join()).not.toContain('"old"');
    await server.dispose();
  });

  it("a stop that finds it gone between reading and writing says so", async () => {
    const { store, begun, letGo } = slowlyDeletingStore();
    const server = await createTestServer({ store });
    await new SessionClient(server).play([finishedEvent()]);
    const project = new ProjectClient(server);
    const deleted = project.send("DELETE", "s1");
    await begun;
    // both have read the session by the time that it is let go: their changes wait for their turn
    let reads = 0;
    const { directory } = server.service;
    const get = directory.get.bind(directory);
    Object.assign(directory, {
      get: async (key: SessionKey) => {
        const document = await get(key);
        reads++;
        return document;
      },
    });
    const stop = project.send("POST", "s1/stop");
    const start = project.send("POST", "s1/start");
    await waitFor(() => reads === 2);
    letGo();
    expect((await deleted).status).toBe(204);
    const stopped = await stop;
    expect(stopped.status).toBe(200);
    expect(await stopped.json()).toEqual({
      message: "Session no longer exists (already deleted)",
    });
    await expectProblem(await start, 404, "Session not found");
    await server.dispose();
  });
});

describe("a viewer in the middle of a long replay", () => {
  it("is ended when the session is deleted, and never within a frame", async () => {
    const server = await createTestServer({ store: createMemoryLogStore() });
    const session = new SessionClient(server);
    const long = `{"type":"CUSTOM","name":"long","value":"${"x".repeat(200_000)}"}`;
    await session.play([startedEvent(), long, long, finishedEvent()]);
    const { sse } = await session.watch();
    await sse.events(2);
    expect((await new ProjectClient(server).send("DELETE", "s1")).status).toBe(204);
    // it stood within a frame: a clean end would pass off a part of an event as the whole
    const outcome = await sse
      .event()
      .then(String, (reason: unknown) => `broken: ${String(reason)}`);
    expect(outcome).toMatch(/^broken: /);
    expect(outcome).not.toContain("ended within a frame");
    expect(server.service.pacer.open).toBe(0);
    await server.dispose();
  });
});
