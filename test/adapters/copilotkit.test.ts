import { describe, expect, it, onTestFinished } from "vitest";
import {
  RunlogAgentRunner,
  type RunlogAgentRunnerOptions,
} from "../../adapters/copilotkit/index.ts";
import { createMemoryLogStore } from "../../adapters/memory/index.ts";
import {
  finishedEvent,
  openRunner,
  startedEvent,
  tell,
} from "../contract/session-routes/harness.ts";
import { REPLY, text, textEnd, textStart } from "../contract/session-routes/standard-client.ts";
import { listenTestServer } from "../support/test-server.ts";
import { waitFor } from "../support/wait-for.ts";

type Event = Readonly<Record<string, unknown>>;

async function start(options: Partial<RunlogAgentRunnerOptions> = {}) {
  const server = await listenTestServer({ store: createMemoryLogStore() });
  onTestFinished(() => server.dispose());
  const url = `${server.origin}/api/projects/p1/agentic-sessions/`;
  const newRunner = (): RunlogAgentRunner => new RunlogAgentRunner({ url, ...options });
  return { server, newRunner, runner: newRunner() };
}

const input = (threadId = "s1", runId = "r") => ({
  threadId,
  runId,
  messages: [{ id: `m-${runId}`, role: "user", content: "hi" }],
  state: {},
  tools: [],
  context: [],
  forwardedProps: {},
});

const runOf = (runner: RunlogAgentRunner, threadId = "s1", runId = "r", agent: object = {}) =>
  runner.run({ threadId, agent, input: input(threadId, runId) });

/** What a stream has sent so far, and its end. */
function watch(stream: ReturnType<RunlogAgentRunner["run"]>) {
  const events: Event[] = [];
  const ended = Promise.withResolvers<void>();
  // who waits for it gets it
  ended.promise.catch(() => {});
  const subscription = stream.subscribe({
    next: (event: object) => events.push({ ...event }),
    error: ended.reject,
    complete: ended.resolve,
  });
  return { events, ended: ended.promise, leave: () => subscription.unsubscribe() };
}

/** A run that waits for what its agent says. */
async function begin(
  server: Awaited<ReturnType<typeof start>>["server"],
  runner: RunlogAgentRunner,
) {
  const streams: ReturnType<typeof watch>[] = [];
  const exchange = await openRunner(server, async () => {
    streams.push(watch(runOf(runner)));
  });
  return { exchange, stream: streams[0]! };
}

async function allOf(stream: ReturnType<RunlogAgentRunner["run"]>): Promise<Event[]> {
  const { ended, events } = watch(stream);
  await ended;
  return events;
}

const saidIn = (events: readonly Event[]): string =>
  events.map(({ delta }) => (typeof delta === "string" ? delta : "")).join("");

describe("RunlogAgentRunner", () => {
  it("runs, connects, and knows what runs, as does another one of the same sessions", async () => {
    const { newRunner, runner, server } = await start();
    expect(await runner.isRunning({ threadId: "s1" })).toBe(false);
    expect(await allOf(runner.connect({ threadId: "s1" }))).toEqual([]);
    const { exchange, stream: first } = await begin(server, runner);
    for (const event of [startedEvent(), textStart, text("Hel")])
      await exchange.write(`data: ${event}\n\n`);
    await waitFor(() => saidIn(first.events) === "Hel");
    expect(await runner.isRunning({ threadId: "s1" })).toBe(true);
    first.leave();

    const other = newRunner();
    expect(await other.isRunning({ threadId: "s1" })).toBe(true);
    const second = watch(other.connect({ threadId: "s1" }));
    await waitFor(() => saidIn(second.events) === "Hel");
    for (const event of [text("lo"), textEnd, finishedEvent()])
      await exchange.write(`data: ${event}\n\n`);
    await exchange.end();
    await second.ended;
    expect(saidIn(second.events)).toBe("Hello");
    expect(second.events.at(-1)).toMatchObject({ type: "RUN_FINISHED", runId: "r" });
    await waitFor(async () => !(await other.isRunning({ threadId: "s1" })));
    // the same run again is its stream again
    expect(saidIn(await allOf(runOf(other)))).toBe("Hello");
  });

  it("stops a run, and says where there is none", async () => {
    const { runner, server } = await start();
    const { exchange, stream: first } = await begin(server, runner);
    await exchange.write(`data: ${startedEvent()}\n\n`);
    await waitFor(() => first.events.length > 0);
    expect(await runner.stop({ threadId: "s1", runId: "other" })).toBe(false);
    expect(await runner.stop({ threadId: "s1", runId: "r" })).toBe(true);
    await first.ended;
    expect(first.events.at(-1)).toMatchObject({ type: "RUN_FINISHED" });
    expect(await runner.stop({ threadId: "s1" })).toBe(false);
    expect(await runner.stop({ threadId: "nobody" })).toBe(false);
  });

  it("goes on after its last event where a connection breaks, as often as it does", async () => {
    let opened = 0;
    const cutting: typeof fetch = async (url, init) => {
      const response = await fetch(url, init);
      if (!response.headers.get("Content-Type")?.startsWith("text/event-stream")) return response;
      const first = opened++ === 0;
      let left = first ? 150 : 260;
      const cut = new TransformStream<Uint8Array, Uint8Array>({
        transform(chunk, controller) {
          controller.enqueue(chunk.subarray(0, left));
          left -= chunk.length;
          if (left < 0) controller.error(new Error("cut"));
        },
      });
      return new Response(response.body!.pipeThrough(cut), response);
    };
    const { runner, server } = await start({ fetch: cutting });
    const words = Array.from({ length: 8 }, (_, at) => text(`${at} `));
    server.runner.script((exchange) =>
      tell(exchange, [startedEvent(), textStart, ...words, textEnd, finishedEvent()]),
    );
    const events = await allOf(runOf(runner));
    expect(opened).toBeGreaterThan(2);
    expect(saidIn(events)).toBe("0 1 2 3 4 5 6 7 ");
    expect(events.filter(({ type }) => type === "RUN_STARTED")).toHaveLength(1);
    expect(server.runner.requests.filter(({ method }) => method === "POST")).toHaveLength(1);
  });

  it("sends its own headers and those of the agent, and keeps the input as it is", async () => {
    const sent: Headers[] = [];
    const recording: typeof fetch = (url, init) => {
      sent.push(new Headers(init?.headers));
      return fetch(url, init);
    };
    const { runner, server } = await start({ fetch: recording, headers: { "x-own": "runtime" } });
    server.runner.script((exchange) => tell(exchange, [startedEvent(), ...REPLY, finishedEvent()]));
    const agent = { headers: { authorization: "Bearer of-user" } };
    await allOf(runOf(runner, "s1", "r", agent));
    await allOf(runner.connect({ threadId: "s1", headers: { "x-user": "ann" } }));
    expect(sent[0]?.get("authorization")).toBe("Bearer of-user");
    expect(sent[1]?.get("x-user")).toBe("ann");
    expect(sent.map((headers) => headers.get("x-own"))).toEqual(["runtime", "runtime"]);
    const [posted] = server.runner.requests.filter(({ method }) => method === "POST");
    expect(JSON.parse(new TextDecoder().decode(posted?.body))).toMatchObject(input());
  });

  it("says what the server refuses, and gives up a server that is not there", async () => {
    const { runner } = await start();
    await expect(allOf(runOf(runner, "no/name"))).rejects.toThrow("Invalid session name");
    await expect(runner.isRunning({ threadId: "no/name" })).rejects.toThrow("Invalid session name");
    const nobody = new RunlogAgentRunner({ url: "http://127.0.0.1:1/", retryForMs: 10 });
    await expect(allOf(runOf(nobody))).rejects.toThrow("broke off");
    expect(() => new RunlogAgentRunner({ url: "nowhere" })).toThrow(TypeError);
  });
});
