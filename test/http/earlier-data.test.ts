import { cp, readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { SseReader } from "../contract/read-sse.ts";
import { waitFor } from "../support/wait-for.ts";
import { startS3Server } from "../support/s3-server.ts";
import { freshDir, type ServerProcess, startServer } from "../support/server-process.ts";

/** What an earlier version answered for a session. */
interface Answered {
  readonly agentStatus: string;
  /** All stored events, a line each. */
  readonly raw: string;
  /** The same history, compact. */
  readonly compact: string;
  /** The ids of the frames of both event streams. */
  readonly rawFrames: readonly string[];
  readonly frames: readonly string[];
}

interface StoredObject {
  readonly key: string;
  readonly tag: string;
  readonly base64: string;
}

const FIXTURES = fileURLToPath(new URL("../fixtures/earlier/", import.meta.url));
/** The session that lies in the archive alone. */
const ARCHIVED = "packed";
const NDJSON = { headers: { Accept: "application/x-ndjson" } };

async function readJson<T>(name: string): Promise<T> {
  return JSON.parse(await readFile(join(FIXTURES, name), "utf8"));
}

/** A server on a copy of the directory. */
async function startOnDisk(): Promise<ServerProcess> {
  const dir = await freshDir();
  await cp(join(FIXTURES, "disk"), dir, { recursive: true });
  return startServer({ env: { STORAGE_URL: `file:${dir}`, RUNLOG_LEGACY_PROJECT: "p" } });
}

/** A server on a bucket with the same objects. */
async function startOnBucket(): Promise<ServerProcess> {
  const s3 = await startS3Server();
  onTestFinished(() => s3.close());
  // whoever runs this against a lasting server finds no other test's objects under the prefix
  const prefix = `earlier-${crypto.randomUUID()}`;
  const bucket = s3.bucket();
  for (const { key, tag, base64 } of await readJson<StoredObject[]>("bucket.json"))
    await bucket.putIfAbsent(`${prefix}/${key}`, Buffer.from(base64, "base64"), { tag });
  return startServer({
    env: {
      STORAGE_URL: `s3://runlog/${prefix}/logs`,
      RUNLOG_ARCHIVE_URL: `s3://runlog/${prefix}/archive`,
      AWS_ENDPOINT_URL_S3: s3.endpoint,
      AWS_ACCESS_KEY_ID: s3.credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: s3.credentials.secretAccessKey,
      AWS_REGION: "auto",
    },
  });
}

const STORES = [
  ["a directory", startOnDisk, "disk.expected.json"],
  ["a bucket", startOnBucket, "bucket.expected.json"],
] as const;

describe.each(STORES)("%s that an earlier version left", (_name, start, expectedName) => {
  it("is read, resumed by its cursors and exported as it was", async () => {
    const server = await start();
    for (const [name, answered] of Object.entries(
      await readJson<Record<string, Answered>>(expectedName),
    )) {
      const path = `/api/projects/p/agentic-sessions/${name}`;
      const raw = await (await server.fetch(`${path}/export?view=raw`, NDJSON)).text();
      expect(raw, `${name}, raw`).toBe(answered.raw);
      // whoever looks at it has it compacted anew; what is archived stays as it was packed
      const history = name === ARCHIVED ? answered.raw : answered.compact;
      await expectResumes(server, `${path}/agui/events?view=raw`, answered.rawFrames);
      await expectAnswersOldCursors(server, `${path}/agui/events`, answered);
      const compactNow = async (): Promise<boolean> =>
        (await (await server.fetch(`${path}/export`, NDJSON)).text()) === history;
      await waitFor(compactNow, { what: `the compact history of ${name}` });
      const found = await (await server.fetch(path)).json();
      expect(found.status.agentStatus, name).toBe(answered.agentStatus);
    }
  });

  it("takes further runs", async () => {
    const server = await start();
    const path = "/api/projects/p/agentic-sessions/chat";
    const before = await (await server.fetch(`${path}/export?view=raw`, NDJSON)).text();
    const posted = await server.fetch(`${path}/agui/run`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ messages: [{ id: "new", role: "user", content: "hello again" }] }),
    });
    expect(posted.status, await posted.text()).toBe(200);
    const after = await (await server.fetch(`${path}/export?view=raw`, NDJSON)).text();
    expect(after.slice(0, before.length)).toBe(before);
    expect(after).toContain("hello again");
  });
});

/** From the start, from each third and from the last cursor, a stream gives exactly what comes after it. */
async function expectResumes(
  server: ServerProcess,
  path: string,
  ids: readonly string[],
): Promise<void> {
  for (const from of [-1, ...ids.keys()].filter((at) => at % 3 === 2 || at === -1)) {
    const after = ids[from];
    const rest = ids.slice(from + 1);
    const response = await server.fetch(path, {
      headers: after === undefined ? {} : { "Last-Event-ID": after },
    });
    if (!response.body) throw new Error("The stream has no body");
    const stream = new SseReader(response.body);
    const seen = await stream.events(rest.length);
    await stream.cancel();
    expect(
      seen.map(({ id }) => id),
      `${path} after ${after}`,
    ).toEqual(rest);
  }
}

/** A cursor of another generation of the compact log is answered with everything, and that is said. */
async function expectAnswersOldCursors(
  server: ServerProcess,
  path: string,
  { frames }: Answered,
): Promise<void> {
  for (const after of frames) {
    const response = await server.fetch(path, { headers: { "Last-Event-ID": after } });
    const replay = response.headers.get("X-Runlog-Replay");
    await response.body?.cancel();
    const isCompact = /-c\d+\.\d+$/.test(after);
    if (isCompact) expect(replay, after).toMatch(/^full; reason=/);
    else expect(replay, after).toBeNull();
  }
}
