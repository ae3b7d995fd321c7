import { monitorEventLoopDelay } from "node:perf_hooks";
import type { SessionService } from "../../core/service.ts";
import { version } from "../version.ts";
import { INSTRUMENTS } from "./instruments.ts";
import type { Meters, Reading } from "./meters.ts";

/** A part of the memory that a server may take. */
interface Budget {
  readonly limitBytes: number;
  readonly usedBytes: number;
}

/** How often in ms it is looked how late the event loop is. */
const LOOK_MS = 20;

/** Has the gauges of a service and its process read. Returns a function that stops it. */
export function observeService(
  { observe }: Meters,
  service: SessionService,
  intakeBudget: Budget,
): () => void {
  const { bodyBudget, compactor, pacer, profileBudgets, ringBudget, sessions } = service;
  const { messages, lines, reads } = profileBudgets;
  const budgets = {
    body: bodyBudget,
    message: messages,
    line: lines,
    replay: reads.bytes,
    ring: ringBudget,
    intake: intakeBudget,
  };
  const ofBudgets = (valueOf: (budget: Budget) => number) => (): readonly Reading[] =>
    Object.entries(budgets).map(([budget, each]) => ({
      value: valueOf(each),
      attributes: { budget },
    }));
  const delay = monitorEventLoopDelay({ resolution: LOOK_MS });
  delay.enable();

  observe(INSTRUMENTS.buildInfo, () => [
    { value: 1, attributes: { version: version(), node: process.version } },
  ]);
  observe(INSTRUMENTS.streams, () => [{ value: pacer.open }]);
  observe(INSTRUMENTS.sessions, () => [
    { value: sessions.used, attributes: { state: "used" } },
    { value: sessions.size - sessions.used, attributes: { state: "idle" } },
  ]);
  observe(
    INSTRUMENTS.budgetUsed,
    ofBudgets(({ usedBytes }) => usedBytes),
  );
  observe(
    INSTRUMENTS.budgetLimit,
    ofBudgets(({ limitBytes }) => limitBytes),
  );
  observe(INSTRUMENTS.compactionsWaiting, () => [{ value: compactor.waiting }]);
  observe(INSTRUMENTS.memory, () => [{ value: process.memoryUsage.rss() }]);
  observe(INSTRUMENTS.eventLoopDelay, () => {
    const seconds = {
      p50: delay.percentile(50),
      p99: delay.percentile(99),
      max: delay.max,
    };
    delay.reset();
    return Object.entries(seconds).map(([statistic, nanoseconds]) => ({
      // the timer itself is in it
      value: Math.max(0, nanoseconds / 1e9 - LOOK_MS / 1_000),
      attributes: { statistic },
    }));
  });
  return () => delay.disable();
}
