import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createLocalDirectory, createLocalPlatform } from "../../../../adapters/local/index.ts";
import { createMemoryLogStore } from "../../../../adapters/memory/index.ts";
import { createRunMarks } from "../../../../src/core/log/open-run-marks.ts";
import { DELETED, RunsEndedError, SHUTDOWN } from "../../../../src/core/model/run-end-reasons.ts";
import { factsOfLine } from "../../../../src/core/model/server-events.ts";
import { RunQueue } from "../../../../src/core/runs/run-queue.ts";
import type { RunAccepted, RunRequest } from "../../../../src/core/runs/run-request.ts";
import { createSessionEvents } from "../../../../src/core/session/session-events.ts";
import { RunlogError } from "../../../../src/ports/errors.ts";
import type { LogStore } from "../../../../src/ports/log-store.ts";
import type { EventBatch, RunnerStream } from "../../../../src/ports/runner-client.ts";
import { createByteBudget } from "../../../../src/stream/sync/byte-budget.ts";
import { createKeyedMutex } from "../../../../src/stream/sync/keyed-mutex.ts";
import { drain, textOf, utf8 } from "../../../contract/bytes.ts";
import { collect } from "../../../contract/outcome.ts";
import { nextTurn, waitFor } from "../../../contract/wait-for.ts";
import { createManualClock } from "../../../support/manual-clock.ts";
import { sessionsOf, silent } from "../../../support/session-registry.ts";

const KEY = { project: "p", session: "s" };
const THREAD = "t";
const MIB = 1024 * 1024;
const NOBODY = { userId: null, userName: null, groups: [], token: null };

/** What a runner answers to a run: the test says it bit by bit. */
class Answer {
  readonly #waiting: (() => void)[] = [];
  #said: (EventBatch | "end" | Error)[] = [];

  say(said: EventBatch | "end" | Error): void {
    this.#said.push(said);
    this.#waiting.shift()?.();
  }

  stream(signal: AbortSignal): RunnerStream {
    const stop = (): void => {
      this.#said = [signal.reason instanceof Error ? signal.reason : new Error("cut")];
      this.#waiting.shift()?.();
    };
    signal.addEventListener("abort", stop);
    return { batches: this.#batches(), counts: { malformed: 0, oversized: 0, repaired: 0 } };
  }

  async *#batches(): AsyncGenerator<EventBatch> {
    for (;;) {
      while (this.#said.length === 0)
        await new Promise<void>((resolve) => this.#waiting.push(resolve));
      const said = this.#said.shift() ?? "end";
      if (said === "end") return;
      if (said instanceof Error) throw said;
      yield said;
    }
  }
}

function lineOf(event: object): EventBatch {
  const line = utf8(`${JSON.stringify(event)}\n`);
  return { lines: [line], events: [factsOfLine(line)] };
}

/** A session's queue, with a runner and a store that do as they are told. */
async function setUp(queueLimit: number) {
  const memory = createMemoryLogStore();
  const state = { isFull: false };
  const store: LogStore = {
    ...memory,
    append: (...append) =>
      state.isFull
        ? Promise.reject(new RunlogError("store-full", "The store is full"))
        : memory.append(...append),
  };
  const clock = createManualClock();
  const events = createSessionEvents();
  const { session } = sessionsOf(store, { clock, events }).use(KEY);
  const logId = await session.loadOrCreate();
  const marks = createRunMarks(store);
  const answers = new Map<string, Answer>();
  const posted: string[] = [];
  const admitted: string[] = [];
  const refused: string[] = [];
  let idle = 0;
  events.on("run-admitted", ({ runId }) => void admitted.push(runId));
  events.on("run-released", ({ key }) => void refused.push(key.session));
  /** Bodies whose memory is not released. */
  const bodies = new Set<RunRequest>();
  const queue = new RunQueue({
    session,
    store,
    marks,
    directory: createLocalDirectory({ store, runnerUrl: "http://runner.invalid/" }),
    events,
    admissions: createKeyedMutex(),
    waitedBodies: createByteBudget(MIB),
    clock,
    logger: silent,
    queueLimit,
    assertRoom: () => {},
    idleMs: null,
    maxMs: null,
    platform: createLocalPlatform(),
    podGraceMs: 0,
    reattachMs: 0,
    async connect({ body }, signal) {
      const runId = textOf(
        new Uint8Array(await new Blob([...(await body.load(signal))]).arrayBuffer()),
      );
      posted.push(runId);
      const answer = new Answer();
      answers.set(runId, answer);
      return answer.stream(signal);
    },
    resume: () => Promise.reject(new RunlogError("runner-refused", "no", { status: 404 })),
    acknowledge: () => Promise.resolve(),
    readStreamed: () => Promise.resolve({ ended: [], readTo: 0, isCopy: () => false }),
    onResumable() {},
    onFinished() {},
    onIdle: () => void idle++,
  });

  function post(runId: string): Promise<RunAccepted> {
    const request: RunRequest = {
      input: {
        runId,
        threadId: THREAD,
        body: [utf8(runId)],
        messages: [],
        kept: { members: [], leftOut: [] },
      },
      caller: NOBODY,
      headers: {},
      agent: null,
      releaseBody: () => void bodies.delete(request),
    };
    bodies.add(request);
    // as `Runs.start`
    return queue.admit(request).catch((error: unknown) => {
      request.releaseBody();
      throw error;
    });
  }

  return {
    queue,
    marks,
    posted,
    admitted,
    refused,
    bodies,
    state,
    answers,
    idleCount: () => idle,
    post,
    bodyOf: (runId: string) => store.runBody(KEY, logId, runId),
    openMarks: async () => (await collect(store.openRuns())).map(({ runId }) => runId),
    lines: async () => {
      const text = textOf(await drain(store.read(KEY, { logId })));
      return text
        .split("\n")
        .slice(0, -1)
        .map((line): { type: string; runId?: string } => JSON.parse(line));
    },
  };
}

type SetUp = Awaited<ReturnType<typeof setUp>>;

/** The runs of the session as they ought to be. */
class Model {
  readonly #limit: number;
  active: string | null = null;
  waiting: string[] = [];
  isStopped = false;
  /** Those whose turn has come, in its order; each is posted to its runner once. */
  readonly posted: string[] = [];
  readonly accepted: string[] = [];
  readonly ended = new Set<string>();
  readonly #cancelled = new Set<string>();

  constructor(limit: number) {
    this.#limit = limit;
  }

  isKnown(runId: string): boolean {
    return this.active === runId || this.waiting.includes(runId) || this.ended.has(runId);
  }

  get isFull(): boolean {
    return this.active !== null && this.waiting.length >= this.#limit;
  }

  accept(runId: string): void {
    this.accepted.push(runId);
    this.waiting.push(runId);
    this.#next();
  }

  end(): void {
    if (this.active === null) return;
    this.ended.add(this.active);
    this.active = null;
    this.#next();
  }

  cancel(runId: string): void {
    if (this.active === runId) return this.end();
    if (this.waiting.includes(runId)) this.#cancelled.add(runId);
  }

  stop(): void {
    this.isStopped = true;
    for (const runId of [this.active, ...this.waiting]) if (runId !== null) this.ended.add(runId);
    this.active = null;
    this.waiting = [];
  }

  #next(): void {
    while (this.active === null) {
      const next = this.waiting.shift();
      if (next === undefined) return;
      if (this.#cancelled.has(next)) this.ended.add(next);
      else {
        this.active = next;
        this.posted.push(next);
      }
    }
  }
}

type Command =
  | { readonly kind: "post"; readonly runs: readonly string[] }
  | { readonly kind: "post-to-a-full-store"; readonly run: string }
  | { readonly kind: "finish" | "fail" | "break-off" }
  | { readonly kind: "cancel"; readonly run: string | null };

const run = fc.nat({ max: 11 }).map((number) => `run-${number}`);
const command: fc.Arbitrary<Command> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant("post" as const),
      runs: fc.array(run, { minLength: 1, maxLength: 4 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant("post-to-a-full-store" as const), run }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constantFrom("finish" as const, "fail" as const, "break-off" as const),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("cancel" as const),
      run: fc.option(run, { nil: null }),
    }),
  },
);
const limit = fc.integer({ min: 0, max: 3 });
const commands = fc.array(command, { maxLength: 14 });

/** Carries a command out, and says the same to the model. */
async function carryOut(next: Command, { set, model }: { set: SetUp; model: Model }) {
  const { queue, post, state, answers } = set;
  const answer = model.active === null ? null : answers.get(model.active);
  const ids = { threadId: THREAD, runId: model.active ?? "" };
  switch (next.kind) {
    case "post": {
      // at once, so that they are admitted in the order of the calls
      const answered = next.runs.map((runId) => post(runId));
      for (const [index, runId] of next.runs.entries()) {
        if (!model.isKnown(runId) && model.isFull)
          await expect(answered[index]).rejects.toMatchObject({ code: "run-active" });
        else {
          if (!model.isKnown(runId)) model.accept(runId);
          expect(await answered[index]).toEqual({ runId, threadId: THREAD });
        }
      }
      return;
    }
    case "post-to-a-full-store":
      if (model.isKnown(next.run) || model.isFull) return;
      state.isFull = true;
      await expect(post(next.run)).rejects.toMatchObject({ code: "log-not-writable" });
      state.isFull = false;
      return;
    case "cancel": {
      const runId = next.run ?? model.active;
      const isThere = runId !== null && !model.ended.has(runId) && model.isKnown(runId);
      const cancelled = await queue.cancel(next.run, () => Promise.resolve(false));
      expect(cancelled).toEqual(isThere ? { runId, threadId: THREAD } : null);
      if (runId !== null) model.cancel(runId);
      return;
    }
    case "finish":
      answer?.say(lineOf({ type: "RUN_STARTED", ...ids }));
      answer?.say(lineOf({ type: "RUN_FINISHED", ...ids }));
      answer?.say("end");
      break;
    case "fail":
      answer?.say(lineOf({ type: "RUN_ERROR", ...ids, message: "no" }));
      answer?.say("end");
      break;
    default:
      answer?.say(new RunlogError("runner-disconnected", "the connection broke"));
  }
  model.end();
}

/** Waits until the queue is where the model is, and compares what both say. */
async function agree({ set, model }: { set: SetUp; model: Model }): Promise<void> {
  const { queue, posted } = set;
  await nextTurn();
  const isSettled = (): boolean =>
    (queue.activeRun?.runId ?? null) === model.active && posted.length === model.posted.length;
  await waitFor(isSettled, { what: `${model.active} as the active run`, timeoutMs: 10_000 });
  expect(posted).toEqual(model.posted);
  expect(queue.isRunning).toBe(model.active !== null);
  for (const runId of model.accepted) expect(queue.isInFlight(runId)).toBe(!model.ended.has(runId));
}

/** Compares what is stored with what the model has ended. */
async function compareStored({ set, model }: { set: SetUp; model: Model }): Promise<void> {
  await waitFor(() => set.queue.isIdle, { what: "the queue's rest" });
  const lines = await set.lines();
  const ids = (...types: readonly string[]): (string | undefined)[] =>
    lines.filter(({ type }) => types.includes(type)).map(({ runId }) => runId);
  // those that a stop ends come to their ends together
  const inOrder = (runs: readonly unknown[]): string[] =>
    model.isStopped ? runs.map(String).toSorted() : runs.map(String);
  expect(inOrder(ids("RUN_STARTED"))).toEqual(inOrder(model.accepted));
  expect(inOrder(ids("RUN_FINISHED", "RUN_ERROR"))).toEqual(inOrder(model.accepted));
  expect(set.admitted).toEqual(model.accepted);
  // what was refused is left to the recovery, with its mark
  const released = set.marks.released().map((mark) => mark.runId);
  expect((await set.openMarks()).toSorted()).toEqual(released.toSorted());
  expect(set.bodies.size).toBe(0);
  for (const runId of model.accepted) expect(await set.bodyOf(runId)).toBeNull();
}

describe("the runs of a session", () => {
  it("are posted once each and in the order in which they were accepted, whatever becomes of them", async () => {
    await fc.assert(
      fc.asyncProperty(limit, commands, async (most, given) => {
        const both = { set: await setUp(most), model: new Model(most) };
        for (const next of given) {
          await carryOut(next, both);
          await agree(both);
        }
        while (both.model.active !== null) {
          await carryOut({ kind: "finish" }, both);
          await agree(both);
        }
        await compareStored(both);
      }),
      { numRuns: 150 },
    );
  });

  it.each([
    ["the session is deleted", DELETED],
    ["the server stops", SHUTDOWN],
  ])("end, each with a terminal, when %s; nothing is accepted from then on", async (_, reason) => {
    await fc.assert(
      fc.asyncProperty(limit, commands, async (most, given) => {
        const both = { set: await setUp(most), model: new Model(most) };
        const { set, model } = both;
        for (const next of given) {
          await carryOut(next, both);
          await agree(both);
        }
        expect(await set.queue.end(reason)).toBe(0);
        model.stop();
        await agree(both);
        await expect(set.post("run-after-the-end")).rejects.toBeInstanceOf(RunsEndedError);
        await compareStored(both);
      }),
      { numRuns: 60 },
    );
  });

  it("count as idle once for each time that the last of them ends", async () => {
    const set = await setUp(3);
    for (const runId of ["a", "b"]) {
      await set.post(runId);
      await waitFor(() => set.posted.includes(runId));
      expect(set.idleCount()).toBe(runId === "a" ? 0 : 1);
      set.answers.get(runId)?.say("end");
      await waitFor(() => set.queue.isIdle);
    }
    expect(set.idleCount()).toBe(2);
    expect(set.refused).toEqual([]);
  });
});
