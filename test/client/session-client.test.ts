import { describe, expect, it, onTestFinished } from "vitest";
import { createMemoryLogStore } from "../../adapters/memory/index.ts";
import { createRandom } from "../../scripts/bench/random.ts";
import {
  createSessionClient,
  type ConnectionOptions,
  type RemoteSession,
  type SessionClient,
  SessionClientError,
  type SessionEvent,
} from "../../src/client/index.ts";
import {
  answerJson,
  finishedEvent,
  startedEvent,
  tell,
} from "../contract/session-routes/harness.ts";
import { cutterOf } from "../support/cut-frames.ts";
import { startResumableRunner } from "../support/resumable-runner.ts";
import { startRestartingServer } from "../support/restarting-server.ts";
import { startTcpProxy } from "../support/tcp-proxy.ts";
import { listenTestServer } from "../support/test-server.ts";
import { waitFor } from "../support/wait-for.ts";

const HI = { messages: [{ id: "m", role: "user", content: "hi" }] };

function sessionsAt(origin: string, options: Partial<ConnectionOptions> = {}): SessionClient {
  return createSessionClient({ url: `${origin}/api/projects/p1/agentic-sessions`, ...options });
}

async function freshServer() {
  const server = await listenTestServer({ store: createMemoryLogStore() });
  onTestFinished(() => server.dispose());
  return server;
}

/** A server, and one of its sessions as a client has it. */
async function freshSession(options: Partial<ConnectionOptions> = {}) {
  const server = await freshServer();
  return { server, session: sessionsAt(server.origin, options).session("s1") };
}

const word = (place: number): string =>
  JSON.stringify({ type: "TEXT_MESSAGE_CONTENT", messageId: "a", delta: `${place} ü😀` });

/** The events up to the end of a run. */
async function upToEnd(events: AsyncIterable<SessionEvent>): Promise<SessionEvent[]> {
  const seen: SessionEvent[] = [];
  for await (const each of events) {
    seen.push(each);
    if (each.event.type === "RUN_FINISHED") break;
  }
  return seen;
}

const typesOf = (events: readonly SessionEvent[]): string[] =>
  events.map(({ event }) => event.type);

/** The error by which it fails. */
async function errorOf(failing: Promise<unknown>): Promise<SessionClientError> {
  const error: unknown = await failing.then(
    () => null,
    (reason: unknown) => reason,
  );
  if (error instanceof SessionClientError) return error;
  throw new Error("No SessionClientError", { cause: error });
}

describe("the events of a session", () => {
  it("come each once and in order, over cut connections and a server that is started again", async () => {
    const words = 600;
    const runner = await startResumableRunner();
    const server = await startRestartingServer({ RUNNER_URL: runner.address });
    const wire = await startTcpProxy(server.port, {
      cutAfter: cutterOf(createRandom(1), { least: 20, most: 100 }),
    });
    const session = sessionsAt(`http://127.0.0.1:${wire.port}`).session("s1");
    const reading = upToEnd(session.events({ view: "raw" }));
    await session.run({ runId: "r", ...HI });
    const run = await waitFor(() => runner.run("r"), { what: "the run" });
    run.say(startedEvent("r"));
    for (let place = 0; place < words; place++) {
      if (place === words / 2) {
        await server.stop();
        await server.startAgain();
      }
      run.say(word(place));
    }
    run.say(finishedEvent("r"));
    run.end();

    const seen = await reading;
    const texts = seen.flatMap(({ event }) => event["delta"] ?? []);
    expect(texts).toEqual(Array.from({ length: words }, (_, place) => `${place} ü😀`));
    expect(seen.every(({ replay }) => replay === null)).toBe(true);
    expect(wire.connections).toBeGreaterThan(words / 100);
  });

  it("begin after a cursor", async () => {
    const { server, session } = await freshSession();
    server.runner.script((exchange) =>
      tell(exchange, [startedEvent("r"), word(1), finishedEvent("r")]),
    );
    await session.run({ runId: "r", ...HI });
    const all = await upToEnd(session.events({ view: "raw" }));
    expect(typesOf(all)).toContain("TEXT_MESSAGE_CONTENT");
    const rest = await upToEnd(session.events({ view: "raw", after: all.at(-3)!.cursor }));
    expect(rest).toEqual(all.slice(-2));
  });

  it("begin with a snapshot, whose last event alone has a cursor", async () => {
    const { server, session } = await freshSession();
    const state = JSON.stringify({ type: "STATE_SNAPSHOT", snapshot: { a: 1 } });
    server.runner.script((exchange) =>
      tell(exchange, [startedEvent("r"), state, finishedEvent("r")]),
    );
    await session.run({ runId: "r", ...HI });
    await upToEnd(session.events());
    const [messages, last] = await Array.fromAsync({
      [Symbol.asyncIterator]: () => firstOf(session.events({ view: "snapshot" }), 2),
    });
    expect(messages).toMatchObject({ event: { type: "MESSAGES_SNAPSHOT" }, cursor: null });
    expect(last).toMatchObject({ event: { type: "STATE_SNAPSHOT", snapshot: { a: 1 } } });
    expect(last!.cursor).not.toBeNull();
  });

  it("end when the session is deleted", async () => {
    const { server, session } = await freshSession();
    server.runner.script((exchange) => tell(exchange, [startedEvent("r"), finishedEvent("r")]));
    await session.run(HI);
    const seen: string[] = [];
    for await (const { event } of session.events()) {
      seen.push(event.type);
      if (event.type === "RUN_FINISHED") await session.delete();
    }
    expect(seen.at(-1)).toBe("RUN_FINISHED");
  });

  it("end when their reader leaves", async () => {
    const { session } = await freshSession();
    const leaving = new AbortController();
    const events = session.events({ signal: leaving.signal });
    const next = events.next();
    leaving.abort();
    expect(await next).toEqual({ done: true, value: undefined });
  });

  it("say why the log begins anew after a cursor that is of none", async () => {
    const { server, session } = await freshSession();
    server.runner.script((exchange) => tell(exchange, [startedEvent("r"), finishedEvent("r")]));
    await session.run({ runId: "r", ...HI });
    const after = "aaaaaaaaaaaaaaaa-r12";
    const seen = await upToEnd(session.events({ after }));
    expect(seen.map(({ replay }) => replay)).toEqual([
      "another-log",
      ...seen.slice(1).map(() => null),
    ]);
  });

  it("come over another connection when one has fallen silent", async () => {
    const server = await freshServer();
    const wire = await startTcpProxy(server.port);
    const at = `http://127.0.0.1:${wire.port}`;
    const session = sessionsAt(at, { silenceMs: 300 }).session("s1");
    server.runner.script((exchange) => tell(exchange, [startedEvent("r"), finishedEvent("r")]));
    const reading = upToEnd(session.events());
    await waitFor(() => wire.connections > 0, { what: "a connection" });
    wire.freeze();
    await sessionsAt(server.origin)
      .session("s1")
      .run({ runId: "r", ...HI });
    expect(typesOf(await reading)).toEqual(["MESSAGES_SNAPSHOT", "RUN_STARTED", "RUN_FINISHED"]);
  });

  it("fail when the server has been away for too long, or refuses", async () => {
    const away = sessionsAt("http://127.0.0.1:9", { patienceMs: 1 }).session("s1");
    expect(await errorOf(away.events().next())).toMatchObject({
      code: "unreachable",
      status: null,
    });
    const { server } = await freshSession();
    const misnamed = sessionsAt(server.origin).session("a b");
    expect(await errorOf(misnamed.events().next())).toMatchObject({ status: 400 });
  });
});

async function* firstOf<T>(items: AsyncIterable<T>, count: number): AsyncGenerator<T> {
  let left = count;
  for await (const item of items) {
    yield item;
    if (--left === 0) return;
  }
}

describe("a run", () => {
  it("that is posted over a connection that breaks is started once", async () => {
    const { server } = await freshSession();
    let cuts = 0;
    const wire = await startTcpProxy(server.port, {
      cutAfter: () => (cuts++ < 2 ? () => 0 : null),
    });
    const session = sessionsAt(`http://127.0.0.1:${wire.port}`).session("s1");
    server.runner.script((exchange) => tell(exchange, [startedEvent("r"), finishedEvent("r")]));
    expect(await session.run({ runId: "r", ...HI })).toEqual({ runId: "r", threadId: "s1" });
    await upToEnd(session.events());
    expect(server.runner.requests).toHaveLength(1);
  });

  it("gets an id of its own, and may be cancelled", async () => {
    const { server, session } = await freshSession();
    server.runner.script(async (exchange) => {
      await exchange.answer(200, { "Content-Type": "text/event-stream" });
      await exchange.closed;
    });
    const { runId } = await session.run(HI);
    expect(runId).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4/);
    await waitFor(() => server.runner.requests.length > 0, { what: "the run at its runner" });
    expect(await session.cancel()).toEqual({ runId, threadId: "s1" });
    expect((await upToEnd(session.events())).at(-1)).toMatchObject({
      event: { type: "RUN_FINISHED", runId, outcome: { type: "cancelled" } },
    });
  });

  it("whose answer breaks off is asked for again", async () => {
    const { server } = await freshSession();
    let asked = 0;
    const session = sessionsAt(server.origin, {
      fetch: async (url, init) => {
        const response = await fetch(url, init);
        if (asked++ > 0) return response;
        const part = (await response.text()).slice(0, 5);
        return new Response(part, { headers: { "Content-Type": "application/json" } });
      },
    }).session("s1");
    server.runner.script((exchange) => tell(exchange, [startedEvent("r"), finishedEvent("r")]));
    expect(await session.run({ runId: "r", ...HI })).toEqual({ runId: "r", threadId: "s1" });
    expect(asked).toBe(2);
  });

  it("that is refused fails with the server's status, code and text", async () => {
    const { session } = await freshSession();
    const messages = "none" as unknown as [];
    expect(await errorOf(session.run({ messages }))).toMatchObject({
      status: 400,
      code: "invalid-input",
      message: expect.stringContaining("messages") as string,
    });
  });
});

describe("a session", () => {
  /** With one run that has said something. */
  async function told(): Promise<{ session: RemoteSession; sessions: SessionClient }> {
    const server = await freshServer();
    const sessions = sessionsAt(server.origin);
    const session = sessions.session("s1");
    const text = { type: "TEXT_MESSAGE_CHUNK", messageId: "a", role: "assistant", delta: "Hello" };
    server.runner.script((exchange) =>
      tell(exchange, [startedEvent("r"), JSON.stringify(text), finishedEvent("r")]),
    );
    server.runner.script(
      (exchange) => answerJson(exchange, 200, { framework: "f" }),
      "capabilities",
    );
    server.runner.script((exchange) => answerJson(exchange, 200, {}), "feedback");
    await session.run({ runId: "r", ...HI });
    await upToEnd(session.events());
    return { session, sessions };
  }

  it("is told as messages and state, and as a file", async () => {
    const { session } = await told();
    const { messages, state, activeRun, cursor } = await session.messages();
    expect(messages).toMatchObject([{ content: "hi" }, { id: "a", content: "Hello" }]);
    expect({ state, activeRun }).toEqual({ state: {}, activeRun: null });
    expect(cursor).not.toBeNull();
    expect(await (await session.export({ format: "markdown" })).text()).toContain("Hello");
    const lines = await (await session.export({ format: "ndjson", view: "raw" })).text();
    expect(lines.trimEnd().split("\n")).toHaveLength(4);
  });

  it("is paged through in either direction, by events and by runs", async () => {
    const { session } = await told();
    const { events, cursors, start, hasBefore, hasAfter } = await session.page({ limit: 2 });
    expect(events.map(({ type }) => type)).toEqual(["TEXT_MESSAGE_CHUNK", "RUN_FINISHED"]);
    expect({ hasBefore, hasAfter, count: cursors.length }).toEqual({
      hasBefore: true,
      hasAfter: false,
      count: 2,
    });
    const before = await session.page({ before: start!, limit: 10 });
    expect(before.events.map(({ type }) => type)).toEqual(["MESSAGES_SNAPSHOT", "RUN_STARTED"]);
    const { runs, next } = await session.runs({ limit: 1 });
    expect(runs).toMatchObject([{ runId: "r", status: "finished", toolCalls: 0, error: null }]);
    expect(next).toBeNull();
  });

  it("is looked at, and forked, at any of its cursors", async () => {
    const { session, sessions } = await told();
    const { events, cursors } = await session.page({ view: "raw" });
    const at = cursors[1]!;
    expect(await session.event(at)).toEqual(events[1]);
    expect(await session.eventText(at)).toBe(JSON.stringify(events[1]));
    const { run, messages, state } = await session.snapshot(at);
    expect({ run, state }).toEqual({ run: { runId: "r", threadId: "s1" }, state: {} });
    expect(messages).toMatchObject([{ content: "hi" }]);
    const { name } = await session.fork({ at, displayName: "Another way" });
    const fork = sessions.session(name);
    expect((await fork.get()).spec.displayName).toBe("Another way");
    expect((await fork.page()).events.at(-1)).toMatchObject({ type: "RUN_ERROR", code: "forked" });
  });

  it("is looked at as it was at a cursor, and goes on from there under another name", async () => {
    const { session, sessions } = await told();
    const { events, cursors } = await session.page({ after: "" });
    const [, begun, said] = cursors;
    const before = await session.snapshot(begun!);
    expect(before).toMatchObject({ cursor: begun, run: { runId: "r" }, open: [], state: {} });
    expect(before.messages).toMatchObject([{ role: "user" }]);
    const after = await session.snapshot(said!);
    expect(after.messages).toMatchObject([{ role: "user" }, { content: "Hello" }]);
    const now = await session.messages();
    const end = await session.snapshot(cursors.at(-1)!);
    expect({ ...end, run: null }).toMatchObject({ messages: now.messages, state: now.state });

    const fork = await session.fork({ at: said!, displayName: "Another way" });
    expect((await sessions.session(fork.name).get()).spec.displayName).toBe("Another way");
    const forked = sessions.session(fork.name);
    const copied = await forked.page({ after: "" });
    expect(copied.events.slice(0, 3)).toEqual(events.slice(0, 3));
    expect(copied.events.at(-1)).toMatchObject({ type: "RUN_ERROR", code: "forked" });
    expect((await forked.page({ after: fork.cursor! })).events).toEqual([]);
    expect(
      (await sessions.session((await session.fork({ at: said! })).name).get()).spec.displayName,
    ).toBe((await session.get()).spec.displayName);
    expect(await errorOf(session.snapshot("nowhere"))).toMatchObject({ status: 400 });
    expect(await errorOf(session.fork({ at: "nowhere" }))).toMatchObject({ status: 400 });
  });

  it("is listed, named and described, with what its agent says of itself", async () => {
    const { session, sessions } = await told();
    const { name } = await sessions.create({ name: "other", displayName: "Other" });
    expect(name).toBe("other");
    expect((await sessions.session("other").get()).spec.displayName).toBe("Other");
    const page = await sessions.list({ limit: 1 });
    expect(page).toMatchObject({ totalCount: 2, limit: 1, hasMore: true });
    expect((await sessions.list({ search: "s1" })).items).toHaveLength(1);
    expect(await session.capabilities()).toEqual({ framework: "f" });
    expect(await session.feedback({ metaType: "thumbs_up", payload: {} })).toBe(true);
  });

  it("that is not there is an error with the server's code", async () => {
    const { sessions } = await told();
    const error = await errorOf(sessions.session("nobody").get());
    expect(error).toMatchObject({
      status: 404,
      code: "session-not-found",
      message: "Session not found",
      isTransient: false,
    });
  });

  it("is asked with headers that may be renewed", async () => {
    const server = await freshServer();
    const sent: (string | null)[] = [];
    let token = 0;
    const sessions = sessionsAt(server.origin, {
      headers: () => ({ Authorization: `Bearer ${token++}` }),
      fetch: (url, init) => {
        sent.push(new Headers(init.headers).get("Authorization"));
        return fetch(url, init);
      },
    });
    await sessions.list();
    await sessions.list();
    expect(sent).toEqual(["Bearer 0", "Bearer 1"]);
  });
});
