import { mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { createDiskLogStore } from "../../adapters/disk/index.ts";
import { createMemoryLogStore, createMemoryObjectBucket } from "../../adapters/memory/index.ts";
import { createArchives } from "../../src/core/archive/archives.ts";
import { createArchivingStore } from "../../src/core/archive/archiving-store.ts";
import { systemClock as clock } from "../../src/entry/system-clock.ts";
import type { ObjectBucket } from "../../src/ports/object-bucket.ts";
import { drain, textOf, utf8 } from "../contract/bytes.ts";
import { SessionClient } from "../contract/session-routes/harness.ts";
import { createTempDir } from "../support/temp-dir.ts";
import { createTestServer } from "../support/test-server.ts";

const KEY = { project: "p1", session: "s1" };
const EVENTS = `{"type":"RUN_STARTED","threadId":"s1","runId":"old"}
{"type":"TEXT_MESSAGE_START","messageId":"m","role":"assistant"}
{"type":"TEXT_MESSAGE_CONTENT","messageId":"m","delta":"a"}
{"type":"TEXT_MESSAGE_CONTENT","messageId":"m","delta":"b"}
{"type":"TEXT_MESSAGE_END","messageId":"m"}
{"type":"RUN_FINISHED","threadId":"s1","runId":"old"}
`;
const MESSAGES = '{"type":"user_message","payload":{"content":"hello"}}\n{"type":"other"}\n';
const GIVE_UP = '{"deleteLocal":true}';

type Files = Readonly<Record<string, string>>;

/** A server with an archive, on a directory in which an older system left files of the session. */
async function startServer(files: Files, bucket: ObjectBucket = createMemoryObjectBucket()) {
  const dir = await createTempDir();
  const old = join(dir.path, "sessions", KEY.session);
  await mkdir(old, { recursive: true });
  for (const [name, content] of Object.entries(files)) await writeFile(join(old, name), content);
  const disk = createDiskLogStore({ dir: dir.path });
  const archives = createArchives({ bucket, clock });
  const { legacy } = disk;
  const store = createArchivingStore({ store: disk, archives, legacy });
  const server = await createTestServer({
    store,
    archiver: store,
    legacy: { logs: legacy, project: KEY.project },
  });
  onTestFinished(async () => {
    await server.dispose();
    await dir.remove();
  });
  const session = new SessionClient(server);
  return {
    ...server,
    archives,
    bucket,
    disk,
    store,
    session,
    /** The files that lie in the log's directory. */
    async stored(): Promise<string[]> {
      const { logId = "" } = (await disk.stat(KEY)) ?? {};
      return readdir(join(dir.path, "projects", KEY.project, KEY.session, logId));
    },
    async export(): Promise<Record<string, unknown>> {
      const { exportDate, ...rest } = (await (await session.get("/export?view=raw")).json()) as {
        exportDate: string;
      };
      expect(exportDate).toMatch(/^\d{4}-/);
      return rest;
    },
  };
}

async function archive(session: SessionClient, body = GIVE_UP) {
  const answer = await session.post("/archive", body);
  expect(answer.status).toBe(200);
  const { logs } = (await answer.json()) as { logs: { name: string; bytes: number }[] };
  return new Map(logs.map(({ name, bytes }) => [name, bytes]));
}

async function replayed(session: SessionClient, count: number): Promise<string> {
  const { sse } = await session.watch();
  const events = await sse.events(count);
  await sse.cancel();
  return events.map(({ data }) => `${data}\n`).join("");
}

async function contentOf(bucket: ObjectBucket, key: string): Promise<string> {
  const found = await bucket.get(key);
  if (!found) throw new Error(`There is no ${key}`);
  return textOf(await drain(found.bytes as ReadableStream<Uint8Array<ArrayBuffer>>));
}

describe("messages in an older format, of an archived session", () => {
  it.each([
    ["beside events", { "agui-events.jsonl": EVENTS, "messages.jsonl": MESSAGES }, MESSAGES.length],
    ["that were migrated", { "messages.jsonl": MESSAGES }, MESSAGES.length],
    ["that are none", { "agui-events.jsonl": EVENTS, "messages.jsonl.migrated": "" }, 0],
  ])(
    "%s go with it, are exported from the archive, and come back with it",
    async (_, files, bytes) => {
      const server = await startServer(files);
      const { session } = server;
      const before = await server.export();
      expect(before).toMatchObject({ hasLegacy: true });
      for (let round = 0; round < 2; round++) {
        expect((await archive(session)).get("messages")).toBe(bytes);
        expect(await server.stored()).not.toContain("messages.jsonl.migrated");
        expect(await server.stored()).not.toContain("messages.jsonl");
        expect(await server.export()).toEqual(before);
        expect((await session.post("/restore", "{}")).status).toBe(200);
        expect(await server.stored()).toContain("messages.jsonl.migrated");
        expect(await server.export()).toEqual(before);
      }
      expect((await session.get("", {}, "DELETE")).status).toBeLessThan(300);
      expect((await server.bucket.list({ prefix: "" })).objects).toEqual([]);
    },
  );

  it("are none of an archive whose session had none", async () => {
    const server = await startServer({ "agui-events.jsonl": EVENTS });
    expect((await archive(server.session)).has("messages")).toBe(false);
    expect(await server.export()).toMatchObject({ hasLegacy: false });
  });

  it("are not released before the archive's are what they are", async () => {
    const bucket = createMemoryObjectBucket();
    const server = await startServer(
      { "agui-events.jsonl": EVENTS, "messages.jsonl": MESSAGES },
      {
        ...bucket,
        put: (key, bytes, options) =>
          bucket.put(key, key.includes("/messages/") ? bytes.slice(0, -1) : bytes, options),
      },
    );
    const before = await server.export();
    expect((await server.session.post("/archive", GIVE_UP)).status).toBeGreaterThanOrEqual(500);
    expect(await server.stored()).toContain("messages.jsonl");
    expect(await server.archives.find(KEY)).toBeNull();
    expect(await server.export()).toEqual(before);
  });

  it("are added to an archive that was made without them before anything is released", async () => {
    const server = await startServer({ "agui-events.jsonl": EVENTS, "messages.jsonl": MESSAGES });
    await server.export();
    const { bucket, archives, store, disk } = server;
    // as an archive that knows nothing of messages
    await archives.write(
      { read: (...range) => disk.read(...range), messages: async () => null },
      KEY,
      (await disk.stat(KEY)) ?? expect.unreachable(),
    );
    await store.archive(KEY, { deleteLocal: true });
    const [manifest] = (await bucket.list({ prefix: "manifests/" })).objects;
    expect(await contentOf(bucket, manifest?.key ?? "")).toContain('"messages":{');
    const { logId = "" } = (await store.stat(KEY)) ?? {};
    const messages = await store.messages(KEY, logId);
    expect(messages && textOf(await drain(messages))).toBe(MESSAGES);
  });

  it("stay in the archive when the session comes back where none can lie", async () => {
    const server = await startServer({ "agui-events.jsonl": EVENTS, "messages.jsonl": MESSAGES });
    const before = await server.export();
    await archive(server.session);
    const { archives } = server;
    const other = createArchivingStore({ store: createMemoryLogStore(), archives, legacy: null });
    await other.makeMissingStubs();
    const { logId, end } = await other.restore(KEY);
    await other.append(KEY, utf8('{"type":"CUSTOM"}\n'), { logId, expectedEnd: end.raw });
    await other.archive(KEY, { deleteLocal: true });
    const messages = await other.messages(KEY, logId);
    expect(messages && textOf(await drain(messages))).toBe(MESSAGES);
    await archives.verify((await archives.find(KEY)) ?? expect.unreachable());
    expect(before).toMatchObject({ hasLegacy: true });
  });
});

describe("an archived session that is viewed", () => {
  it("was compacted before, and nothing of it comes back", async () => {
    const { session, disk, service } = await startServer({});
    const { logId } = await disk.create(KEY);
    await disk.append(KEY, utf8(EVENTS), { logId, expectedEnd: 0 });
    const raw = (await archive(session)).get("raw");
    expect(raw).toBe(EVENTS.length);
    expect(await replayed(session, 5)).toContain('"delta":"ab"');
    await service.compactor.compact(KEY);
    expect((await disk.stat(KEY))?.end).toEqual({
      raw: 0,
      compact: 0,
      edits: 0,
      runs: 0,
      keyframes: 0,
      times: 0,
    });
  });

  it("is not compacted when it was not before, and nothing of it comes back", async () => {
    const { session, disk, store, service } = await startServer({});
    const { logId } = await disk.create(KEY);
    await disk.append(KEY, utf8(EVENTS), { logId, expectedEnd: 0 });
    await store.archive(KEY, { deleteLocal: true });
    expect(await replayed(session, 6)).toBe(EVENTS);
    await session.get("/export");
    await service.compactor.compact(KEY);
    expect((await disk.stat(KEY))?.end).toEqual({
      raw: 0,
      compact: 0,
      edits: 0,
      runs: 0,
      keyframes: 0,
      times: 0,
    });
  });
});
