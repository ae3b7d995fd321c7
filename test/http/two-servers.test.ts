import { describe, expect, it, onTestFinished } from "vitest";
import { createMemoryObjectBucket } from "../../adapters/memory/index.ts";
import { createObjectLogStore } from "../../adapters/object/index.ts";
import { systemClock } from "../../src/entry/system-clock.ts";
import type { SseReader } from "../contract/read-sse.ts";
import type { ScriptedExchange } from "../contract/runner-client.ts";
import {
  answerJson,
  finishedEvent,
  runBody,
  SessionClient,
  startedEvent,
} from "../contract/session-routes/harness.ts";
import {
  allOf,
  post,
  REPLY,
  textEnd,
  textStart,
  types,
} from "../contract/session-routes/standard-client.ts";
import { createTestServer } from "../support/test-server.ts";
import { waitFor } from "../support/wait-for.ts";

/** Two servers on one bucket that cannot reach each other; a live run of the first one. */
async function withLiveRun() {
  const bucket = createMemoryObjectBucket();
  const open = async () => {
    const store = createObjectLogStore({ bucket, clock: systemClock, batchMs: 5 });
    const server = await createTestServer({ store });
    onTestFinished(() => server.dispose());
    return server;
  };
  const first = await open();
  const second = await open();
  let runner: ScriptedExchange | null = null;
  first.runner.script(async (exchange) => {
    await exchange.answer(200, { "Content-Type": "text/event-stream" });
    runner = exchange;
  });
  const owner = new SessionClient(first);
  const other = new SessionClient(second);
  await owner.run(runBody("r1"));
  const say = async (...events: readonly string[]): Promise<void> => {
    const exchange = await waitFor(() => runner, { what: "the posted run" });
    for (const event of events) await exchange.write(`data: ${event}\n\n`);
  };
  const finish = async (): Promise<void> => {
    await say(finishedEvent("r1"));
    await runner?.end();
  };
  await say(startedEvent("r1"), textStart);
  await waitFor(async () => (await owner.lines()).includes(textStart));
  return { owner, other, second, say, finish };
}

async function eventsUntil(sse: SseReader, type: string): Promise<unknown[]> {
  const seen: unknown[] = [];
  for (;;) {
    const event = await sse.event();
    if (event === null) throw new Error(`The stream ended after ${JSON.stringify(seen)}`);
    seen.push((JSON.parse(event.data) as { type: string }).type);
    if (seen.at(-1) === type) return seen;
  }
}

describe("a run of another server", () => {
  it("is live to whoever connects: the stream goes on, and ends as the run does", async () => {
    const { other, say, finish } = await withLiveRun();
    const sse = await post(other, "/agui/connect", {});
    expect(await eventsUntil(sse, "TEXT_MESSAGE_START")).toContain("RUN_STARTED");
    await say(...REPLY.slice(1, -1));
    expect(await eventsUntil(sse, "TEXT_MESSAGE_CONTENT")).not.toContain("RUN_ERROR");
    await say(textEnd);
    await finish();
    expect(types(await allOf(sse)).slice(-2)).toEqual(["TEXT_MESSAGE_END", "RUN_FINISHED"]);
  });

  it("is what the session's status, document, messages and list say, while it goes on and after it", async () => {
    const { other, second, finish } = await withLiveRun();
    const told = async () => {
      const document = (await (await other.get("")).json()) as { status: object };
      const messages = (await (await other.get("/agui/messages")).json()) as { activeRun: unknown };
      const list = await (await second.fetch("/api/projects/p1/agentic-sessions")).text();
      return { status: document.status, activeRun: messages.activeRun, list };
    };
    const activeRun = { runId: "r1" };
    expect(await told()).toMatchObject({
      status: { agentStatus: "working", activeRun },
      activeRun,
      list: expect.stringContaining('"agentStatus":"working"') as string,
    });
    await finish();
    await waitFor(async () => (await other.agentStatus()) === "idle");
    const after = await told();
    expect(after).toMatchObject({ activeRun: null, status: { agentStatus: "idle" } });
    expect(after.status).not.toHaveProperty("activeRun");
  });

  it("is not ended by who reads the session", async () => {
    const { owner, other, finish } = await withLiveRun();
    for (let i = 0; i < 3; i++) {
      expect(await other.lines()).toEqual(await owner.lines());
      await (await other.get("/export?format=markdown")).text();
      await (await other.get("/agui/messages")).text();
    }
    await finish();
    expect((await owner.settled("r1")).at(-1)).toBe(finishedEvent("r1"));
    expect((await other.lines()).join("\n")).not.toContain("RUN_ERROR");
  });

  it("reaches viewers within a moment, and wakes those that wait for a run to begin", async () => {
    const { other, say, finish } = await withLiveRun();
    const { sse } = await other.watch("?view=raw");
    expect(await eventsUntil(sse, "TEXT_MESSAGE_START")).toContain("RUN_STARTED");
    await say(textEnd);
    await eventsUntil(sse, "TEXT_MESSAGE_END");
    await finish();
    await eventsUntil(sse, "RUN_FINISHED");
    await sse.cancel();
  });
});

/** A session of one server, and a reader on another one, whose `at`th question for the log's end waits for `meanwhile`. */
async function readWhile(at: number, meanwhile: (owner: SessionClient) => Promise<void>) {
  const bucket = createMemoryObjectBucket();
  const open = () => createObjectLogStore({ bucket, clock: systemClock, batchMs: 1 });
  let left = Infinity;
  let owner: SessionClient | null = null;
  const inner = open();
  const stat: typeof inner.stat = async (key) => {
    if (--left === 0 && owner) await meanwhile(owner);
    return inner.stat(key);
  };
  const servers = [
    await createTestServer({ store: open() }),
    await createTestServer({ store: { ...inner, stat } }),
  ] as const;
  for (const server of servers) {
    onTestFinished(() => server.dispose());
    server.runner.script((exchange) => answerJson(exchange, 200, {}), "feedback");
  }
  owner = new SessionClient(servers[0]);
  await feedback(owner);
  return {
    owner,
    other: new SessionClient(servers[1]),
    begin: () => void (left = at),
    /** Whether it was asked that often. */
    isReached: () => left <= 0,
  };
}

async function feedback(session: SessionClient): Promise<void> {
  expect((await session.post("/agui/feedback", '{"type":"META"}')).status).toBe(200);
}

async function endOf(session: SessionClient): Promise<string | null> {
  const response = await session.get("/agui/messages", {}, "HEAD");
  return response.headers.get("ETag");
}

describe("a session that another server deletes and makes again while it is read", () => {
  it("is described as it was before or as it is after, never with the end of one and the log of the other", async () => {
    let made = 0;
    for (let at = 1; ; at++) {
      // every end that there was
      const ends: (string | null)[] = [];
      const remade = Promise.withResolvers<void>();
      const { owner, other, begin, isReached } = await readWhile(at, async (session) => {
        await session.get("", {}, "DELETE");
        ends.push(null);
        for (let count = 0; count < 3; count++) {
          await feedback(session);
          ends.push(await endOf(session));
        }
        made++;
        remade.resolve();
      });
      ends.push(await endOf(owner));
      expect(ends).toContain(await endOf(other));
      begin();
      const during = await endOf(other);
      if (isReached()) await remade.promise;
      expect(ends).toContain(during);
      if (!isReached()) break;
    }
    expect(made).toBeGreaterThan(0);
  });
});

describe("a session whose log is deleted while it is read", () => {
  it("is found as it was made again", async () => {
    const bucket = createMemoryObjectBucket();
    const open = () => createObjectLogStore({ bucket, clock: systemClock, batchMs: 1 });
    let meanwhile: (() => Promise<void>) | null = null;
    const inner = open();
    const owner = await createTestServer({ store: open() });
    const reader = await createTestServer({
      store: {
        ...inner,
        read: (key, range) => {
          const action = meanwhile;
          meanwhile = null;
          return readLater(action?.() ?? Promise.resolve(), () => inner.read(key, range));
        },
      },
    });
    for (const server of [owner, reader]) {
      onTestFinished(() => server.dispose());
      server.runner.script((exchange) => answerJson(exchange, 200, {}), "feedback");
    }
    const session = new SessionClient(owner);
    await feedback(session);
    meanwhile = async () => {
      await session.get("", {}, "DELETE");
      await feedback(session);
    };
    const { status } = await new SessionClient(reader).get("/agui/messages", {}, "HEAD");
    expect(meanwhile).toBeNull();
    expect(status).toBe(200);
  });
});

/** What `open` gives once `before` has resolved. */
function readLater(
  before: Promise<void>,
  open: () => ReadableStream<Uint8Array<ArrayBuffer>>,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  const reader = before.then(() => open().getReader());
  return new ReadableStream({
    type: "bytes",
    async pull(controller) {
      const { done, value } = await (await reader).read();
      if (!done) return controller.enqueue(value);
      controller.close();
      controller.byobRequest?.respond(0);
    },
    cancel: async (reason) => (await reader).cancel(reason),
  });
}

describe("a session that is deleted", () => {
  it("is deleted, and the one that another server makes at once stays, whoever has it", async () => {
    const bucket = createMemoryObjectBucket();
    const open = () => createObjectLogStore({ bucket, clock: systemClock, batchMs: 1 });
    const inner = open();
    let afterwards: (() => Promise<void>) | null = null;
    const first = await createTestServer({
      store: {
        ...inner,
        async delete(key) {
          const isGone = await inner.delete(key);
          await afterwards?.();
          return isGone;
        },
      },
    });
    const second = await createTestServer({ store: open() });
    for (const server of [first, second]) {
      onTestFinished(() => server.dispose());
      server.runner.script((exchange) => answerJson(exchange, 200, {}), "feedback");
    }
    const owner = new SessionClient(first);
    const other = new SessionClient(second);
    await feedback(owner);
    afterwards = async () => {
      afterwards = null;
      await feedback(other);
    };
    expect((await owner.get("", {}, "DELETE")).status).toBe(204);
    expect(await other.lines()).toEqual(['{"type":"META"}']);
  });
});
