import { describe, expect, it } from "vitest";
import { createMemoryLogStore } from "../../../../adapters/memory/index.ts";
import { NOT_STARTED, RESTARTED } from "../../../../src/core/model/run-end-reasons.ts";
import { factsOfLine, runError, runStarted } from "../../../../src/core/model/server-events.ts";
import { forgetRun } from "../../../../src/core/model/session-state.ts";
import { endRun } from "../../../../src/core/runs/append-run-error.ts";
import { RunlogError } from "../../../../src/ports/errors.ts";
import type { LogStore } from "../../../../src/ports/log-store.ts";
import { concatBytes } from "../../../../src/stream/bytes/concat.ts";
import { drain, textOf } from "../../../contract/bytes.ts";
import { createManualClock } from "../../../support/manual-clock.ts";
import { sessionsOf } from "../../../support/session-registry.ts";

const KEY = { project: "p", session: "s" };
const logger = { info() {}, warn() {}, error() {} };
const context = { threadId: "t", runId: "r1", timestamp: 1 };
const STARTED = runStarted(context);
const LATE = new TextEncoder().encode('{"type":"CUSTOM","name":"late"}\n');

/** A session with a run that has begun, in a store that another writer uses as well. */
async function begun() {
  const inner = createMemoryLogStore();
  /** What the other one does just before the next append. */
  const others: (() => Promise<unknown>)[] = [];
  const store: LogStore = {
    ...inner,
    stat: (key) => inner.stat(key),
    async append(...args) {
      await others.shift()?.();
      return inner.append(...args);
    },
  };
  const { session } = sessionsOf(store, { logger }).use(KEY);
  const logId = await session.loadOrCreate();
  await session.append({ lines: [STARTED], events: [factsOfLine(STARTED)] }, { logId });
  const append = async (...lines: readonly Uint8Array[]): Promise<void> => {
    const { raw: expectedEnd = 0 } = (await inner.stat(KEY))?.end ?? {};
    await inner.append(KEY, concatBytes(lines), { logId, expectedEnd });
  };
  const end = (): Promise<boolean> => {
    const ids = { logId, threadId: "t", runId: "r1" };
    const { offset: knownEnd } = session.state;
    const run = { ...ids, session, knownEnd, clock: createManualClock(), logger };
    return endRun({ ...run, signal: AbortSignal.abort() }, RESTARTED, { started: true });
  };
  const text = async (): Promise<string> => textOf(await drain(inner.read(KEY, { logId })));
  return { inner, others, append, end, text };
}

describe("the end of a run that another writer was faster with", () => {
  it("is stored after what that one has stored late", async () => {
    const { others, append, end, text } = await begun();
    others.push(() => append(LATE));
    others.push(() => append(LATE));
    expect(await end()).toBe(true);
    expect((await text()).split("\n").map((line) => line && JSON.parse(line).type)).toEqual([
      "RUN_STARTED",
      "CUSTOM",
      "CUSTOM",
      "RUN_ERROR",
      "",
    ]);
  });

  it("is that one's, if it has ended the run", async () => {
    const { others, append, end, text } = await begun();
    others.push(() => append(runError(context, "the other one", RESTARTED.code)));
    expect(await end()).toBe(true);
    expect((await text()).match(/RUN_ERROR/g)).toHaveLength(1);
  });

  it("is that one's, also if it has forgotten the run, which may be posted again", async () => {
    const { inner, others, append, end, text } = await begun();
    others.push(async () => {
      await append(runError(context, "the other one", NOT_STARTED.code));
      const other = sessionsOf(inner, { logger }).use(KEY).session;
      await other.load();
      other.update((state) => forgetRun(state, "r1"));
      await other.save();
    });
    expect(await end()).toBe(true);
    expect((await text()).match(/RUN_ERROR/g)).toHaveLength(1);
  });

  it("is not needed once the log is gone", async () => {
    const { inner, others, end } = await begun();
    others.push(() => inner.delete(KEY));
    expect(await end()).toBe(true);
  });

  it("is not there while that one is always faster, or the store cannot be read: the run stays open", async () => {
    const { others, append, end, text } = await begun();
    for (let i = 0; i < 20; i++) others.push(() => append(LATE));
    expect(await end()).toBe(false);
    expect(await text()).not.toContain("RUN_ERROR");

    const other = await begun();
    other.others.push(async () => {
      await other.append(LATE);
      other.inner.stat = () => Promise.reject(new RunlogError("store-busy", "busy"));
    });
    expect(await other.end()).toBe(false);
  });
});
