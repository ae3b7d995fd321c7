import * as fc from "fast-check";
import { expect, it } from "vitest";
import { factsOfLine } from "../../../../src/core/model/server-events.ts";
import { EMPTY_STATE, foldEvent } from "../../../../src/core/model/session-state.ts";
import { noticeId, noticeStep, type RunNotice } from "../../../../src/core/webhooks/run-notices.ts";

const run = fc.constantFrom("a", "b", "c", undefined);
const event = fc.oneof(
  fc.record({ type: fc.constant("RUN_STARTED"), runId: run }),
  fc.record({
    type: fc.constant("RUN_FINISHED"),
    runId: run,
    outcome: fc.constantFrom(undefined, { type: "interrupt" }, { type: "cancelled" }),
  }),
  fc.record({ type: fc.constant("RUN_ERROR"), runId: run }),
  fc.record({
    type: fc.constantFrom("TOOL_CALL_START", "TOOL_CALL_RESULT"),
    toolCallId: fc.constantFrom("q1", "q2"),
    toolCallName: fc.constantFrom("AskUserQuestion", "search"),
  }),
  fc.constant({ type: "CUSTOM", name: "on_interrupt" }),
);

const facts = (value: object) =>
  factsOfLine(new TextEncoder().encode(`${JSON.stringify(value)}\n`));

it("there is one notice for each run that ends and each time that the agent begins to wait, and no id twice", () => {
  fc.assert(
    fc.property(fc.array(event, { maxLength: 60 }), (log) => {
      let state = EMPTY_STATE;
      const all: RunNotice[] = [];
      for (const one of log.map(facts)) {
        const before = state;
        const after = foldEvent(before, one);
        const step = noticeStep(before, one, before.offset);
        expect(step.state).toEqual(after);
        const ends = step.notices.filter(({ ended }) => ended).map(({ runId }) => runId);
        const phaseBefore = new Map(before.runs.map(({ phase, runId }) => [runId, phase]));
        const nowEnded = after.runs.filter(
          ({ phase, runId }) => phase === "ended" && phaseBefore.get(runId) !== "ended",
        );
        expect(ends).toHaveLength(nowEnded.length);
        expect(new Set(ends)).toEqual(new Set(nowEnded.map(({ runId }) => runId)));
        const begins = after.status === "waiting_input" && before.status !== "waiting_input";
        const asks = step.notices.some(({ type }) => type === "run.waiting_input");
        const hasInterrupt = one.type === "RUN_FINISHED" && one.outcome === "interrupt";
        if (begins && ends.length === 0) expect(asks).toBe(true);
        if (!begins && !hasInterrupt) expect(asks).toBe(false);
        for (const notice of step.notices) expect(notice.line.end).toBe(after.offset);
        all.push(...step.notices);
        state = after;
      }
      const ids = all.map((notice) => noticeId("0mx34rmjad6zw15v", notice));
      expect(new Set(ids).size).toBe(ids.length);
      for (const id of ids) expect(id).toMatch(/^run_[a-z0-9]{16}_\d+_[a-z0-9]+$/);
    }),
  );
});
