import { describe, expect, it } from "vitest";
import { createMemoryLogStore } from "../../adapters/memory/index.ts";
import { RunlogError } from "../../src/ports/errors.ts";
import type { LogStore } from "../../src/ports/log-store.ts";
import {
  expectProblem,
  finishedEvent,
  openRunner,
  runBody,
  SessionClient,
  tell,
} from "../contract/session-routes/harness.ts";
import { type Document, ProjectClient } from "../contract/session-routes/project-client.ts";
import { waitFor } from "../contract/wait-for.ts";
import { createManualClock } from "../support/manual-clock.ts";
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
    const clock = createManualClock();
    const server = await createTestServer({ store, clock });
    const session = new SessionClient(server);
    const runner = await openRunner(server, () => session.run(runBody("active")));
    await session.run(runBody("waiting"));
    broken.add("append");
    let status: number | null = null;
    const deleted = new ProjectClient(server).send("DELETE", "s1").then((response) => {
      status = response.status;
    });
    await waitFor(() => {
      clock.advance(500);
      return status;
    });
    await deleted;
    expect(status).toBe(204);
    await runner.closed;
    expect(server.service.runs.busySessions).toBe(0);
    broken.clear();
    server.runner.script((exchange) => tell(exchange, [finishedEvent("new")]));
    await session.run(runBody("new"));
    expect(await session.settled("new")).toHaveLength(2);
    await server.dispose();
  });

  it("for one session is logged once, and keeps no other one from the list", async () => {
    const memory = createMemoryLogStore();
    const store: LogStore = {
      ...memory,
      stat: (key) =>
        key.session === "s2" && isBroken
          ? Promise.reject(new RunlogError("store-failed", "EIO at /data/secret"))
          : memory.stat(key),
    };
    let isBroken = false;
    const told: unknown[] = [];
    const warn = (event: string, facts?: object): void => void told.push({ event, ...facts });
    const server = await createTestServer({ store, logger: { info() {}, warn, error() {} } });
    const project = new ProjectClient(server);
    await new SessionClient(server).play([finishedEvent()]);
    // nothing of it is in the memory of the server
    await memory.create({ project: "p1", session: "s2" });
    const whole = await listOf(project);
    expect(whole).toHaveLength(2);
    isBroken = true;
    expect(await listOf(project)).toEqual(whole);
    expect(await listOf(project)).toEqual(whole);
    expect(told).toMatchObject([{ event: "log-not-readable", project: "p1", session: "s2" }]);
    await expectProblem(await project.send("GET", "s2"), 500, "Failed to get agentic session");
    isBroken = false;
    expect(await listOf(project)).toEqual(whole);
    await server.dispose();
  });
});

/** The documents of a project's list, by name. */
async function listOf(project: ProjectClient): Promise<Document[]> {
  const response = await project.send("GET", "");
  expect(response.status).toBe(200);
  const { items } = (await response.json()) as { items: Document[] };
  return items.sort((a, b) => a.metadata.name.localeCompare(b.metadata.name));
}
