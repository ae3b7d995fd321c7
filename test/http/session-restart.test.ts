import { cp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { createDiskLogStore } from "../../adapters/disk/index.ts";
import { createMemoryLogStore } from "../../adapters/memory/index.ts";
import {
  finishedEvent,
  openRunner,
  runBody,
  SessionClient,
  startedEvent,
  tell,
} from "../contract/session-routes/harness.ts";
import { ProjectClient } from "../contract/session-routes/project-client.ts";
import { createTempDir } from "../support/temp-dir.ts";
import { createTestServer } from "../support/test-server.ts";
import { waitFor } from "../support/wait-for.ts";

/** Gives each of several servers in turn, on the same directory, to its step. */
async function inTurn(
  ...steps: ((server: Awaited<ReturnType<typeof createTestServer>>) => Promise<void>)[]
): Promise<void> {
  const dir = await createTempDir();
  try {
    for (const step of steps) {
      const server = await createTestServer({ store: createDiskLogStore({ dir: dir.path }) });
      try {
        await step(server);
      } finally {
        await server.dispose();
      }
    }
  } finally {
    await dir.remove();
  }
}

describe("over a restart on disk", () => {
  it("the documents of sessions stay as they were, and are found by what is in them", async () => {
    let name = "";
    let before: unknown;
    await inTurn(
      async (server) => {
        const project = new ProjectClient(server);
        name = await project.create({ initialPrompt: "ünï 😀", labels: { team: "blue" } });
        await project.create({ displayName: "other" });
        await project.send("PUT", `${name}/displayname`, { body: { displayName: "Named later" } });
        await project.send("PATCH", name, { body: { metadata: { annotations: { a: "1" } } } });
        await project.send("POST", `${name}/stop`);
        before = await project.get(name);
      },
      async (server) => {
        const project = new ProjectClient(server);
        expect(await project.get(name)).toEqual(before);
        expect(await project.names("?search=named")).toEqual([name]);
        expect(await project.names()).toHaveLength(2);
        await project.send("POST", `${name}/start`);
        await new SessionClient(server, name).play([finishedEvent()]);
      },
      async (server) => {
        const project = new ProjectClient(server);
        const { metadata, spec, status } = await project.get(name);
        expect({ metadata, spec }).toMatchObject({
          metadata: { labels: { team: "blue" }, annotations: { a: "1" } },
          spec: { displayName: "Named later", initialPrompt: "ünï 😀" },
        });
        expect(status).toEqual({ phase: "Running", agentStatus: "idle" });
        expect(await new SessionClient(server, name).lines()).toHaveLength(2);
      },
    );
  });

  it("a deleted session stays away, with everything that it had", async () => {
    await inTurn(
      async (server) => {
        await new SessionClient(server).play([finishedEvent()]);
        const project = new ProjectClient(server);
        await project.send("PUT", "s1/displayname", { body: { displayName: "gone" } });
        expect((await project.send("DELETE", "s1")).status).toBe(204);
      },
      async (server) => {
        const project = new ProjectClient(server);
        expect(await project.names()).toEqual([]);
        await new SessionClient(server).play([finishedEvent()]);
        expect((await project.get("s1")).spec["displayName"]).toBe("");
        expect(await new SessionClient(server).lines()).toHaveLength(2);
      },
    );
  });

  it("runs that waited are not begun, say so, and may be posted again", async () => {
    for (const isKilled of [false, true]) {
      const dir = await createTempDir();
      const copy = await createTempDir();
      const first = await createTestServer({ store: createDiskLogStore({ dir: dir.path }) });
      const before = new SessionClient(first);
      // of a run without messages the log has nothing
      const active = '{"runId":"active","messages":[]}';
      await openRunner(first, () => before.run(active));
      await before.run(runBody("waits"));
      // what a process leaves that is killed
      if (isKilled) await cp(dir.path, copy.path, { recursive: true });
      await first.dispose();

      const path = isKilled ? copy.path : dir.path;
      const server = await createTestServer({ store: createDiskLogStore({ dir: path }) });
      const session = new SessionClient(server);
      const code = isKilled ? "server-restarted" : "server-shutdown";
      expect(await endsOf(session)).toEqual({ active: code, waits: "run-not-started" });
      expect(await session.agentStatus()).toBe("idle");
      expect(await filesIn(path)).toEqual([]);
      await session.run(active);
      server.runner.script((exchange) => tell(exchange, [finishedEvent("waits")]));
      await session.run(runBody("waits"));
      await waitFor(async () => (await session.lines()).at(-1) === finishedEvent("waits"));
      // the run that was active is asked for: only the other one is posted
      const posts = server.runner.requests.filter(({ method }) => method === "POST");
      expect(posts).toHaveLength(1);
      await server.dispose();
      await Promise.all([dir.remove(), copy.remove()]);
    }
  });

  it("a directory that was copied while runs were open has none that is open for ever", async () => {
    const dir = await createTempDir();
    const copy = await createTempDir();
    const first = await createTestServer({ store: createDiskLogStore({ dir: dir.path }) });
    const before = new SessionClient(first);
    const runner = await openRunner(first, () => before.run(runBody("active")));
    await runner.write(`data: ${startedEvent("active")}\n\n`);
    await waitFor(async () => (await before.lines()).at(-1) === startedEvent("active"));
    await before.run(runBody("waits"));
    // marks are copied first: those of runs that came later are missing, one has no run
    await cp(dir.path, copy.path, { recursive: true });
    const marks = join(copy.path, "open-runs");
    const [name = ""] = await readdir(marks);
    const mark = JSON.parse(await readFile(join(marks, name), "utf8")) as Record<string, unknown>;
    for (const other of await readdir(marks)) await rm(join(marks, other));
    const data = JSON.stringify({ threadId: "t", from: 1_000_000, waits: true });
    await writeFile(join(marks, "p1.s1.x.json"), JSON.stringify({ ...mark, runId: "gone", data }));
    await first.dispose();

    const server = await createTestServer({ store: createDiskLogStore({ dir: copy.path }) });
    const session = new SessionClient(server);
    expect(await session.agentStatus()).toBe("idle");
    expect(await endsOf(session)).toEqual({
      active: "server-restarted",
      waits: "run-not-started",
    });
    server.runner.script((exchange) => tell(exchange, [finishedEvent("waits")]));
    await session.run(runBody("waits"));
    await waitFor(async () => (await session.lines()).at(-1) === finishedEvent("waits"));
    await server.dispose();
    await Promise.all([dir.remove(), copy.remove()]);
  });
});

describe("a directory of which the marks were copied before the logs", () => {
  it("has no run that its runner knows as one that was not started", async () => {
    const dir = await createTempDir();
    const copy = await createTempDir();
    const first = await createTestServer({ store: createDiskLogStore({ dir: dir.path }) });
    const before = new SessionClient(first);
    const runner = await openRunner(first, () => before.run(runBody("active")));
    await runner.write(`data: ${startedEvent("active")}\n\n`);
    await waitFor(async () => (await before.lines()).at(-1) === startedEvent("active"));
    await cp(dir.path, copy.path, { recursive: true });
    await first.dispose();
    const marks = join(copy.path, "open-runs");
    const [name = ""] = await readdir(marks);
    const mark = JSON.parse(await readFile(join(marks, name), "utf8")) as { data: string };
    const data = JSON.stringify({ ...JSON.parse(mark.data), waits: true });
    await writeFile(join(marks, name), JSON.stringify({ ...mark, data }));

    const server = await createTestServer({ store: createDiskLogStore({ dir: copy.path }) });
    const session = new SessionClient(server);
    expect(await endsOf(session)).toEqual({ active: "server-restarted" });
    await session.run(runBody("active"));
    expect(server.runner.requests).toEqual([]);
    expect(await session.agentStatus()).toBe("idle");
    await server.dispose();
    await Promise.all([dir.remove(), copy.remove()]);
  });
});

describe("a run that nobody works on", () => {
  /** Calls `look` on a server over a log that has an open run, no mark, and a head from before it. */
  async function onLeftLog(
    look: (session: SessionClient, end: string) => Promise<void>,
  ): Promise<void> {
    const store = createMemoryLogStore();
    const key = { project: "p1", session: "s1" };
    const { logId } = await store.create(key);
    const start = `${startedEvent("left")}\n`;
    await store.append(key, new TextEncoder().encode(start), { logId, expectedEnd: 0 });
    const server = await createTestServer({ store });
    try {
      const session = new SessionClient(server);
      await look(session, '"code":"server-restarted"');
      expect(await endsOf(session)).toEqual({ left: "server-restarted" });
    } finally {
      await server.dispose();
    }
  }

  it("is ended before the session is exported", () =>
    onLeftLog(async (session, end) => {
      expect((await session.lines()).at(-1)).toContain(end);
    }));

  it("is ended for who reads its events", () =>
    onLeftLog(async (session, end) => {
      const { sse } = await session.watch();
      await sse.until(({ data }) => data.includes(end));
      await sse.cancel();
    }));

  it("is ended for who connects", () =>
    onLeftLog(async (session, end) => {
      const response = await session.post("/agui/connect", runBody("page"));
      expect(await response.text()).toContain(end);
    }));
});

/** The codes of the runs that ended with an error, by their ids. */
async function endsOf(session: SessionClient): Promise<Record<string, unknown>> {
  const events = (await session.lines()).map((line) => JSON.parse(line) as Record<string, unknown>);
  const ends = events.filter(({ type }) => type === "RUN_ERROR");
  return Object.fromEntries(ends.map(({ runId, code }) => [String(runId), code]));
}

/** Marks and bodies of runs in a directory. */
async function filesIn(dir: string): Promise<string[]> {
  const files = await readdir(dir, { recursive: true });
  return files.filter((file) => file.startsWith("open-runs/") || file.endsWith(".body"));
}
