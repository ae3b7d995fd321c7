import type { SessionEvents } from "../../core/session/session-events.ts";
import { noticeStep } from "../../core/webhooks/run-notices.ts";
import { INSTRUMENTS } from "./instruments.ts";
import type { Meters } from "./meters.ts";

/** Counts the ends of runs as they are stored. */
export function countRunEnds(events: Pick<SessionEvents, "on">, { record }: Meters): void {
  events.on("run-turned", ({ before, events: stored, start }) => {
    let state = before;
    let at = start;
    for (const event of stored) {
      const step = noticeStep(state, event, at);
      for (const { type, ended } of step.notices)
        if (ended) record(INSTRUMENTS.runEnds, 1, { end: type.slice("run.".length) });
      ({ state } = step);
      at += event.bytes;
    }
  });
}
