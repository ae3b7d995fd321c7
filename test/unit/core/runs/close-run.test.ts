import { expect, it } from "vitest";
import { createMemoryLogStore } from "../../../../adapters/memory/index.ts";
import { closeRun } from "../../../../src/core/runs/close-run.ts";
import {
  factsOfLine,
  messagesSnapshot,
  runError,
  runStarted,
} from "../../../../src/core/model/server-events.ts";
import { DELETED, NOT_STARTED } from "../../../../src/core/model/run-end-reasons.ts";
import { createRunMarks } from "../../../../src/core/log/open-run-marks.ts";
import {
  admitRun,
  forgetRun,
  type SessionState,
} from "../../../../src/core/model/session-state.ts";
import type { Session } from "../../../../src/core/session/session.ts";
import { RunlogError } from "../../../../src/ports/errors.ts";
import type { LogStore } from "../../../../src/ports/log-store.ts";
import { drain } from "../../../contract/bytes.ts";
import { codeOf, collect } from "../../../contract/outcome.ts";
import { createManualClock } from "../../../support/manual-clock.ts";
import { withFaults } from "../../../support/store-faults.ts";
import { sessionsOf } from "../../../support/session-registry.ts";

const KEY = { project: "p", session: "s" };
const logger = { info() {}, warn() {}, error() {} };
const clock = createManualClock();
const contextOf = (runId: string) => ({ threadId: "t", runId, timestamp: 1 });

/** A store whose appends can be kept waiting. */
function withGate(inner: LogStore): { store: LogStore; shut: () => () => void } {
  let gate = Promise.resolve();
  const store: LogStore = {
    ...inner,
    async append(...args) {
      await gate;
      return inner.append(...args);
    },
  };
  const shut = (): (() => void) => {
    const { promise, resolve } = Promise.withResolvers<void>();
    gate = promise;
    return resolve;
  };
  return { store, shut };
}

function sessionOn(store: LogStore): Session {
  const sessions = sessionsOf(store, { clock, logger });
  return sessions.use(KEY).session;
}

it("what an append stored that seemed to fail is ended, also while another run is being stored", async () => {
  const gated = withGate(createMemoryLogStore());
  const faulty = withFaults(gated.store);
  const { store } = faulty;
  const marks = createRunMarks(store);
  const session = sessionOn(store);
  const logId = await session.loadOrCreate();
  await marks.markOpen(KEY, logId, "refused", { threadId: "t", from: 0 });
  const said = messagesSnapshot(contextOf("refused"), [[new TextEncoder().encode("{}")]]);
  const events = [factsOfLine(...said)];
  // the first call asks where the log ends
  faulty.arm({ at: 2, lands: true, isLasting: false });
  expect(await codeOf(session.append({ lines: said, events }, { logId }))).toBe("store-failed");
  faulty.disarm();
  marks.release({ ...KEY, logId, runId: "refused" }, { reached: false });

  const open = gated.shut();
  const started = runStarted(contextOf("active"));
  const other = session.append({ lines: [started], events: [factsOfLine(started)] }, { logId });
  const [mark] = marks.released();
  if (!mark) throw new Error("The run was not released");
  const takeUp = (): never => {
    throw new Error("a run that was released here is not taken up");
  };
  const closing = closeRun({
    session,
    mark,
    reached: marks.reachedOf(mark),
    takeUp,
    takeUpPushed: () => false,
    takeUpBackground: takeUp,
    store,
    marks,
    clock,
    logger,
  });
  // as long as what is under way is kept waiting nothing can be ended, and the mark stays
  await session.log.refresh();
  for (let i = 0; i < 100; i++) await Promise.resolve();
  expect((await collect(store.openRuns())).map(({ runId }) => runId)).toEqual(["refused"]);
  open();
  expect(await closing).toBe(true);
  await other;
  const text = new TextDecoder().decode(await drain(store.read(KEY, { logId })));
  const stored = text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as object);
  expect(stored.slice(-2)).toMatchObject([
    { type: "RUN_STARTED", runId: "refused" },
    { type: "RUN_ERROR", runId: "refused", code: "run-not-started" },
  ]);
  expect(await collect(store.openRuns())).toEqual([]);
  expect(session.state.runs.map(({ runId }) => runId)).toEqual(["active"]);
});

it("a run whose session another process still has is left to whoever finds its mark next", async () => {
  const inner = createMemoryLogStore();
  let isOwned = false;
  const store: LogStore = {
    ...inner,
    async markOpen(...args) {
      if (!isOwned) throw new RunlogError("log-not-owned", "Another server has the session");
      await inner.markOpen(...args);
    },
  };
  const session = sessionOn(store);
  const logId = await session.loadOrCreate();
  const data = JSON.stringify({ threadId: "t", from: 0, resumable: true });
  await inner.markOpen(KEY, logId, "left", data);
  const lines = messagesSnapshot(contextOf("left"), [[new TextEncoder().encode("{}")]]);
  const change = (state: SessionState): SessionState => admitRun(state, "left", "t");
  await session.append({ lines, events: [factsOfLine(...lines)] }, { logId, change });
  await session.save();

  const marks = createRunMarks(store);
  const taken: string[] = [];
  const mark = { ...KEY, logId, runId: "left", data };
  const close = (): Promise<boolean> =>
    closeRun({
      session,
      mark,
      reached: null,
      takeUp: ({ runId }) => void taken.push(runId),
      takeUpPushed: () => false,
      takeUpBackground: () => false,
      store,
      marks,
      clock,
      logger,
    });
  expect(await codeOf(close())).toBe("log-not-owned");
  expect({ taken, isOurs: marks.isOurs(mark) }).toEqual({ taken: [], isOurs: false });
  isOwned = true;
  expect(await close()).toBe(true);
  expect({ taken, isOurs: marks.isOurs(mark) }).toEqual({ taken: ["left"], isOurs: true });
});

it.each([
  { code: NOT_STARTED.code, isKnown: false },
  { code: DELETED.code, isKnown: true },
])(
  "a run that waited and was ended with $code is forgotten only if it may be posted again",
  async ({ code, isKnown }) => {
    const store = createMemoryLogStore();
    const session = sessionOn(store);
    const logId = await session.loadOrCreate();
    const data = JSON.stringify({ threadId: "t", from: 0, waits: true });
    await store.markOpen(KEY, logId, "waited", data);
    const context = contextOf("waited");
    const lines = [
      ...messagesSnapshot(context, [[new TextEncoder().encode("{}")]]),
      runStarted(context),
      runError(context, "why", code),
    ];
    const change = (state: SessionState): SessionState => admitRun(state, "waited", "t");
    const [said, ...end] = lines;
    if (!said) throw new Error("Nothing was said");
    await session.append({ lines: [said], events: [factsOfLine(said)] }, { logId, change });
    await session.append({ lines: end, events: end.map((line) => factsOfLine(line)) }, { logId });
    await session.save();
    const marks = createRunMarks(store);
    const never = (): never => {
      throw new Error("a run that has ended is not taken up");
    };
    const mark = { ...KEY, logId, runId: "waited", data };
    const takeUps = { takeUp: never, takeUpBackground: never, takeUpPushed: never };
    const ports = { store, marks, clock, logger, ...takeUps };
    expect(await closeRun({ ...ports, session, mark, reached: null })).toBe(true);
    expect(session.state.runs.some(({ runId }) => runId === "waited")).toBe(isKnown);
    expect(await collect(store.openRuns())).toEqual([]);
  },
);

it("a run whose turn had come here, and that another process had ended as not started, is not ended again", async () => {
  const store = createMemoryLogStore();
  const session = sessionOn(store);
  const logId = await session.loadOrCreate();
  const context = contextOf("turn");
  const lines = [runStarted(context), runError(context, "why", NOT_STARTED.code)];
  await session.append({ lines, events: lines.map((line) => factsOfLine(line)) }, { logId });
  session.update((state) => forgetRun(state, "turn"));
  await session.save();
  const data = JSON.stringify({ threadId: "t", startsAt: 0 });
  await store.markOpen(KEY, logId, "turn", data);
  const { end } = (await store.stat(KEY)) ?? {};
  const never = (): never => {
    throw new Error("a run that has ended is not taken up");
  };
  const takeUps = { takeUp: never, takeUpBackground: never, takeUpPushed: never };
  const ports = { store, marks: createRunMarks(store), clock, logger, ...takeUps };
  const mark = { ...KEY, logId, runId: "turn", data };
  expect(await closeRun({ ...ports, session, mark, reached: null })).toBe(true);
  expect((await store.stat(KEY))?.end).toEqual(end);
  expect(await collect(store.openRuns())).toEqual([]);
});
