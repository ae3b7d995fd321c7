import { mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { createDiskLogStore } from "../../adapters/disk/index.ts";
import { createMemoryObjectBucket } from "../../adapters/memory/index.ts";
import { createObjectLogStore } from "../../adapters/object/index.ts";
import { createArchives } from "../../src/core/archive/archives.ts";
import { createArchivingStore } from "../../src/core/archive/archiving-store.ts";
import { systemClock as clock } from "../../src/entry/system-clock.ts";
import type { LogStore } from "../../src/ports/log-store.ts";
import type { ObjectBucket } from "../../src/ports/object-bucket.ts";
import { isLabel } from "../../src/ports/label.ts";
import { finishedEvent, SessionClient, startedEvent } from "../contract/session-routes/harness.ts";
import { ProjectClient } from "../contract/session-routes/project-client.ts";
import { createTempDir } from "../support/temp-dir.ts";
import { createTestServer } from "../support/test-server.ts";

const LONG = "Thread.".repeat(18);
const NAMES = ["A001", "a001", "thread_abc", "user@example.com:1", LONG, LONG.toLowerCase()];
const eventsOf = (name: string): string[] => [
  startedEvent(),
  `{"type":"CUSTOM","name":"of","value":"${name}"}`,
  finishedEvent(),
];

async function startServer(store: LogStore, bucket = createMemoryObjectBucket()) {
  const archives = createArchives({ bucket, clock });
  const archiving = createArchivingStore({ store, archives, legacy: null });
  await archiving.makeMissingStubs();
  const server = await createTestServer({ store: archiving, archiver: archiving });
  return {
    ...server,
    archives,
    project: new ProjectClient(server),
    of: (name: string) => new SessionClient(server, name),
  };
}

type Server = Awaited<ReturnType<typeof startServer>>;

async function playAll(server: Server): Promise<Map<string, string[]>> {
  const played = new Map<string, string[]>();
  for (const name of NAMES) played.set(name, await server.of(name).play(eventsOf(name)));
  return played;
}

/** Every session is there by its name, with what was played. */
async function expectAll(server: Server, played: ReadonlyMap<string, string[]>): Promise<void> {
  expect((await server.project.names("?limit=100")).toSorted()).toEqual(NAMES.toSorted());
  for (const [name, lines] of played) {
    expect(await server.of(name).lines()).toEqual(lines);
    expect(await server.project.get(name)).toMatchObject({ metadata: { name } });
  }
}

async function freshDir(): Promise<string> {
  const dir = await createTempDir();
  onTestFinished(() => dir.remove());
  return dir.path;
}

async function keysIn(bucket: ObjectBucket): Promise<string[]> {
  const { objects } = await bucket.list({ prefix: "" });
  return objects.map(({ key }) => key);
}

describe("sessions that are named as threads are", () => {
  it("lie on disk by labels, and are there again after a restart", async () => {
    const dir = await freshDir();
    const first = await startServer(createDiskLogStore({ dir }));
    const played = await playAll(first);
    await first.dispose();
    const labels = await readdir(join(dir, "projects", "p1"));
    expect(labels).toHaveLength(NAMES.length);
    expect(labels.filter((label) => !isLabel(label))).toEqual([]);
    expect(labels).toEqual(expect.arrayContaining(["a001", "x-a001--8e7d97a7"]));
    const again = await startServer(createDiskLogStore({ dir }));
    await expectAll(again, played);
    await again.dispose();
  });

  it("lie in buckets by labels, and every server lists them by their names", async () => {
    const bucket = createMemoryObjectBucket();
    const first = await startServer(createObjectLogStore({ bucket, clock, batchMs: 1 }));
    const played = await playAll(first);
    await first.dispose();
    const keys = await keysIn(bucket);
    for (const name of NAMES.filter((other) => other !== "a001"))
      expect(keys.filter((key) => key.includes(name))).toEqual([]);
    const again = await startServer(createObjectLogStore({ bucket, clock, batchMs: 1 }));
    await expectAll(again, played);
    await again.dispose();
  });

  it("are archived by labels, and restored by their names, also where the store is lost", async () => {
    const dir = await freshDir();
    const bucket = createMemoryObjectBucket();
    const first = await startServer(createDiskLogStore({ dir }), bucket);
    const played = await playAll(first);
    for (const name of NAMES) {
      const answer = await first.of(name).post("/archive", '{"deleteLocal":true}');
      expect(await answer.json()).toMatchObject({ project: "p1", session: name });
    }
    await expectAll(first, played);
    const listed: string[] = [];
    for await (const { session } of first.archives.list()) listed.push(session);
    expect(listed.toSorted()).toEqual(NAMES.toSorted());
    await first.dispose();
    for (const key of await keysIn(bucket)) expect(key).toMatch(/^[a-z0-9!/.-]+$/);

    await rm(dir, { recursive: true });
    const again = await startServer(createDiskLogStore({ dir }), bucket);
    await expectAll(again, played);
    for (const name of NAMES) {
      const answer = await again.of(name).post("/restore", "{}");
      expect(await answer.json()).toMatchObject({ project: "p1", session: name });
    }
    await expectAll(again, played);
    await again.dispose();
  });

  it("leave directories that were there before as they are, whatever they look like", async () => {
    const dir = await freshDir();
    const before = ["s1", "x-a001--00000000", "x--a", "xhello--2cf24dba", "thread-abc"];
    const first = createDiskLogStore({ dir });
    for (const session of before) await first.create({ project: "p1", session });
    await first.close();
    const project = join(dir, "projects", "p1");
    expect((await readdir(project)).toSorted()).toEqual(before.toSorted());
    // what no store has made is no session
    await mkdir(join(project, "A001"));
    await writeFile(join(project, "x--tmp~"), "");
    const server = await startServer(createDiskLogStore({ dir }));
    expect((await server.project.names()).toSorted()).toEqual(before.toSorted());
    await server.dispose();
  });
});
