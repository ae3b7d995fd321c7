import * as fc from "fast-check";
import { expect, it, onTestFinished, vi } from "vitest";
import { createRandom } from "../../scripts/bench/random.ts";
import { randomLog } from "../oracle/random-run.ts";
import { tell } from "../contract/session-routes/harness.ts";
import { cutterOf } from "../support/cut-frames.ts";
import { type ResumableRun, startResumableRunner } from "../support/resumable-runner.ts";
import { startRestartingServer } from "../support/restarting-server.ts";
import {
  type AgentGeneration,
  type ClientView,
  loadAgents,
  viewOf,
} from "../support/runlog-agents.ts";
import { freshRunner } from "../support/server-process.ts";
import { startTcpProxy } from "../support/tcp-proxy.ts";
import { waitFor } from "../support/wait-for.ts";

const RUNS = Number(process.env["CLIENT_RUNS"] ?? 12);
const SEED = Number(process.env["CLIENT_SEED"] ?? 1);
/** Runs that go on at the same time. */
const AT_ONCE = 12;
const TIMEOUT_MS = 3_600_000;
const CUT_AFTER = { least: 20, most: 200 };
const HI = { id: "hi", role: "user", content: "hi" } as const;

/**
 * Clients that make a second message of its parent's id of a tool call whose parent is not the last message. Whoever connects
 * in mid-run is sent a snapshot, in which they are one; these clients then have that one twice, at both places.
 */
const SPLITTING: ReadonlySet<string> = new Set(["0.0.46"]);

type ViewedMessage = ClientView["messages"][number];

/** A view with each message that a client has split in one piece, at its first place. */
function joined({ messages, state }: ClientView): ClientView {
  const byId = new Map<string, ViewedMessage>();
  for (const message of messages) {
    const { id, role } = message;
    const before = byId.get(`${role} ${id}`);
    if (role !== "assistant" || !before) byId.set(`${role} ${id}`, message);
    else byId.set(`${role} ${id}`, joinedPieces(before, message));
  }
  return { messages: [...byId.values()], state };
}

function joinedPieces(before: ViewedMessage, after: ViewedMessage): ViewedMessage {
  const content = before.content ?? after.content;
  const calls = new Map(
    [...(before.toolCalls ?? []), ...(after.toolCalls ?? [])].map((call) => [call.id, call]),
  );
  return {
    ...before,
    ...(content !== undefined && { content }),
    ...(calls.size > 0 && { toolCalls: [...calls.values()] }),
  };
}

/** One random run: its events but for those that begin and end it. */
interface Script {
  readonly runId: string;
  readonly events: readonly string[];
  /** Whether its page is loaded anew while it goes on. */
  readonly isReloaded: boolean;
  readonly generation: AgentGeneration;
}

const ids = ({ runId }: Script) => ({ threadId: runId, runId });

async function randomScripts(): Promise<Script[]> {
  const generations = await loadAgents();
  const logs = fc.sample(randomLog({ isValid: true }), { numRuns: RUNS, seed: SEED });
  return logs.map((lines, place) => ({
    runId: `r${place}`,
    // they are one run, however many the generator has made of them
    events: lines.filter((line) => !/"type":"RUN_/.test(line)),
    isReloaded: place % 2 === 1,
    generation: generations[(place >> 1) % generations.length]!,
  }));
}

/** The servers, and the wires before them. */
async function openWorld() {
  const runner = await startResumableRunner();
  const server = await startRestartingServer({ RUNNER_URL: runner.address });
  const wire = await startTcpProxy(server.port, {
    cutAfter: cutterOf(createRandom(SEED), CUT_AFTER),
  });
  const path = "/api/projects/p1/agentic-sessions";
  const started = async (runId: string): Promise<ResumableRun> =>
    waitFor(() => runner.run(runId), { what: `the run ${runId}` });
  return {
    server,
    wire,
    url: `${server.url}${path}`,
    cut: `http://127.0.0.1:${wire.port}${path}`,
    started,
  };
}

type World = Awaited<ReturnType<typeof openWorld>>;

/** What a client of the standard has of the run, without any accident. */
async function uncut({ url, started }: World, script: Script): Promise<ClientView> {
  const runId = `uncut-${script.runId}`;
  const { HttpAgent } = script.generation;
  const agent = new HttpAgent({
    url: `${url}/${runId}/agui/run`,
    threadId: runId,
    initialMessages: [HI],
  });
  const running = agent.runAgent({ runId });
  const run = await started(runId);
  const names = { threadId: runId, runId };
  run.say(JSON.stringify({ type: "RUN_STARTED", ...names }), ...script.events);
  run.say(JSON.stringify({ type: "RUN_FINISHED", ...names }));
  run.end();
  await running;
  return viewOf(agent, script.generation.version);
}

/** A page with the run, over a wire that is cut. `play` lets the run go on; `reload` loads the page anew if it is to be. */
async function openPage({ cut, started }: World, script: Script) {
  const { RunlogAgent } = script.generation;
  const make = (initialMessages: (typeof HI)[]) =>
    new RunlogAgent({ url: cut, threadId: script.runId, initialMessages });
  let agent = make([HI]);
  let following = agent.runAgent({ runId: script.runId });
  const run = await started(script.runId);
  run.say(JSON.stringify({ type: "RUN_STARTED", ...ids(script) }));
  const { events } = script;
  const third = Math.ceil(events.length / 3);
  return {
    play(part: number): void {
      run.say(...events.slice(part * third, (part + 1) * third));
    },
    async reload(): Promise<void> {
      if (!script.isReloaded) return;
      await agent.detachActiveRun();
      await following;
      agent = make([]);
      following = agent.connectAgent();
    },
    async finish(): Promise<ClientView> {
      run.say(JSON.stringify({ type: "RUN_FINISHED", ...ids(script) }));
      run.end();
      await following;
      return viewOf(agent, script.generation.version);
    },
  };
}

it("a client that splits a message at a late tool call has the whole of it twice after any snapshot", async () => {
  const snapshot = [
    { id: "a", role: "assistant", content: "x", toolCalls: [callOf("t")] },
    { id: "b", role: "assistant", content: "y" },
  ];
  const sent = [
    { type: "RUN_STARTED", threadId: "t1", runId: "r1" },
    ...["a", "b"].flatMap((messageId) => [
      { type: "TEXT_MESSAGE_START", messageId, role: "assistant" },
      { type: "TEXT_MESSAGE_CONTENT", messageId, delta: messageId === "a" ? "x" : "y" },
      { type: "TEXT_MESSAGE_END", messageId },
    ]),
    { type: "TOOL_CALL_START", toolCallId: "t", toolCallName: "f", parentMessageId: "a" },
    { type: "TOOL_CALL_END", toolCallId: "t" },
    { type: "MESSAGES_SNAPSHOT", messages: snapshot },
    { type: "RUN_FINISHED", threadId: "t1", runId: "r1" },
  ];
  // no runlog is between them
  const runner = await freshRunner();
  for (const { HttpAgent, version } of await loadAgents()) {
    runner.script((exchange) =>
      tell(
        exchange,
        sent.map((event) => JSON.stringify(event)),
      ),
    );
    const agent = new HttpAgent({ url: runner.address, threadId: "t1" });
    await agent.runAgent({ runId: "r1" });
    const { messages } = viewOf(agent, version);
    const [whole] = snapshot;
    expect(messages, version).toEqual(SPLITTING.has(version) ? [...snapshot, whole] : snapshot);
    expect(joined(viewOf(agent, version)).messages, version).toEqual(snapshot);
  }
});

const callOf = (id: string) => ({
  id,
  type: "function",
  function: { name: "f", arguments: "" },
});

it(
  "an agent of any generation has of a run what it had without cuts, restarts and reloads",
  async () => {
    // clients say what they think of a stream, for each event of it
    for (const method of ["warn", "error"] as const) {
      const spy = vi.spyOn(console, method).mockImplementation(() => {});
      onTestFinished(() => spy.mockRestore());
    }
    const world = await openWorld();
    const scripts = await randomScripts();
    for (let from = 0; from < scripts.length; from += AT_ONCE) {
      const some = scripts.slice(from, from + AT_ONCE);
      const pages = await Promise.all(some.map((script) => openPage(world, script)));
      for (const part of [0, 1, 2]) {
        for (const page of pages) page.play(part);
        if (part === 1) await Promise.all(pages.map((page) => page.reload()));
        if (part < 2) {
          await world.server.stop();
          await world.server.startAgain();
        }
      }
      const views = await Promise.all(pages.map((page) => page.finish()));
      for (const [place, script] of some.entries()) {
        const { version } = script.generation;
        const name = `${script.runId} ${version}${script.isReloaded ? " reloaded" : ""}`;
        const [had, whole] = [views[place], await uncut(world, script)];
        const isSplit = SPLITTING.has(version) && script.isReloaded;
        expect.soft(isSplit ? joined(had!) : had, name).toEqual(isSplit ? joined(whole) : whole);
      }
    }
    console.info(`${RUNS} runs, ${world.wire.connections} connections, seed ${SEED}`);
    // a run that nothing had cut would have one
    expect(world.wire.connections).toBeGreaterThan(RUNS);
  },
  TIMEOUT_MS,
);
