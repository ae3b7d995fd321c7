import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, it, onTestFinished } from "vitest";
import {
  durableStreamConnection,
  materializeSnapshotFromDurableStream,
  toDurableChatSessionResponse,
} from "@durable-streams/tanstack-ai-transport";
import { startConformanceServer } from "./conformance-server.ts";

interface Chunk {
  readonly type: string;
  readonly delta?: string;
  readonly messages?: readonly { id: string; role: string; parts: { content: string }[] }[];
}

async function startChat() {
  const server = await startConformanceServer({ carries: false });
  onTestFinished(() => server.close());
  const session = `${server.url}/api/projects/suite/agentic-sessions/chat`;
  return { session, stream: `${server.url}/v1/stream/chat` };
}

/** What a connection reads, one chunk after the other. */
function open(stream: string, initialOffset?: string): AsyncIterator<Chunk> {
  const connection = durableStreamConnection({
    sendUrl: stream,
    ...(initialOffset !== undefined && { initialOffset }),
  });
  const leaving = new AbortController();
  onTestFinished(() => leaving.abort());
  return connection.subscribe(leaving.signal)[Symbol.asyncIterator]();
}

async function upTo(chunks: AsyncIterator<Chunk>, type: string): Promise<Chunk[]> {
  const seen: Chunk[] = [];
  for (;;) {
    const { value, done } = await chunks.next();
    if (done) throw new Error(`The stream ended after ${seen.length} chunks`);
    seen.push(value);
    if (value.type === type) return seen;
  }
}

const shown = (messages: Chunk["messages"]): unknown =>
  messages?.map(({ role, parts }) => [role, ...parts.map(({ content }) => content)]);

const textOf = (delta: string): object => ({
  type: "TEXT_MESSAGE_CONTENT",
  messageId: "a1",
  delta,
});

it("the transport of TanStack AI writes a chat into a session, joins it in mid-run and goes on from an offset", async () => {
  const { session, stream } = await startChat();
  const goesOn = Promise.withResolvers<void>();
  const ends = Promise.withResolvers<void>();
  async function* answer(): AsyncGenerator<object> {
    yield { type: "RUN_STARTED", threadId: "chat", runId: "r1" };
    yield { type: "TEXT_MESSAGE_START", messageId: "a1", role: "assistant" };
    yield textOf("Good ");
    await goesOn.promise;
    yield textOf("morning");
    await ends.promise;
    yield { type: "TEXT_MESSAGE_END", messageId: "a1" };
    yield { type: "RUN_FINISHED", threadId: "chat", runId: "r1" };
  }
  const response = await toDurableChatSessionResponse({
    stream: { writeUrl: stream },
    newMessages: [{ id: "m1", role: "user", parts: [{ type: "text", content: "It is seven" }] }],
    responseStream: answer(),
  });
  expect(response.status).toBe(202);

  let half = await materializeSnapshotFromDurableStream({ readUrl: stream });
  // the write goes on behind the answer
  while (half.messages.length < 2 || half.messages[1].parts.length === 0)
    half = await materializeSnapshotFromDurableStream({ readUrl: stream });
  const joined = open(stream);
  const [snapshot] = await upTo(joined, "MESSAGES_SNAPSHOT");
  expect(shown(snapshot?.messages)).toEqual([
    ["user", "It is seven"],
    ["assistant", "Good "],
  ]);

  goesOn.resolve();
  expect(await upTo(joined, "TEXT_MESSAGE_CONTENT")).toMatchObject([{ delta: "morning" }]);
  ends.resolve();
  expect((await upTo(joined, "RUN_FINISHED")).map(({ type }) => type)).toEqual([
    "TEXT_MESSAGE_END",
    "RUN_FINISHED",
  ]);

  expect(half.offset).toBeTypeOf("string");
  const resumed = await upTo(open(stream, half.offset), "RUN_FINISHED");
  expect(resumed[0]).toMatchObject({ delta: "morning" });
  const whole = await materializeSnapshotFromDurableStream({ readUrl: stream });
  expect(shown(whole.messages)).toEqual([
    ["user", "It is seven"],
    ["assistant", "Good morning"],
  ]);
  // for everybody else it is a run of the session
  const { runs } = await (await fetch(`${session}/runs`)).json();
  expect(runs).toMatchObject([{ runId: "r1", status: "finished" }]);
});

it("the example of the documentation pushes a run", async () => {
  const { session, stream } = await startChat();
  const page = await readFile(new URL("../../docs/durable-streams.md", import.meta.url), "utf8");
  const [, code = ""] = /^```ts\n([^]*?)^```$/m.exec(page) ?? [];
  const address = "http://127.0.0.1:8080/v1/streams/demo/nightly";
  expect(code).toContain(address);
  const dir = await mkdtemp(join(tmpdir(), "runlog-example-"));
  onTestFinished(() => rm(dir, { recursive: true }));
  await symlink(new URL("node_modules", import.meta.url), join(dir, "node_modules"));
  await writeFile(join(dir, "example.mjs"), code.replace(address, stream));
  await promisify(execFile)(process.execPath, [join(dir, "example.mjs")]);
  const { runs } = await (await fetch(`${session}/runs`)).json();
  expect(runs).toMatchObject([{ runId: "2026-11-30", status: "finished" }]);
});

it("the transport of TanStack AI reads runs that runlog has started, in a session that others write to", async () => {
  const { session, stream } = await startChat();
  const headers = { "Content-Type": "application/json" };
  // there is no runner at that address: a run ends with the error that says so
  const run = async (runId: string): Promise<void> => {
    const body = JSON.stringify({ runId, messages: [{ id: runId, role: "user", content: "Hi" }] });
    expect((await fetch(`${session}/agui/run`, { method: "POST", headers, body })).status).toBe(
      200,
    );
  };
  await run("r1");
  const chunks = open(stream, "-1");
  expect(await upTo(chunks, "RUN_ERROR")).toMatchObject([
    { type: "MESSAGES_SNAPSHOT", runId: "r1" },
    { type: "RUN_STARTED", runId: "r1" },
    { type: "RUN_ERROR", runId: "r1" },
  ]);
  await run("r2");
  expect((await upTo(chunks, "RUN_ERROR")).at(-1)).toMatchObject({ runId: "r2" });
});
