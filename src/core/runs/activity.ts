import type { SessionKey } from "../../ports/log-store.ts";
import type { EventFacts } from "../../ports/runner-client.ts";
import type { SessionPlatform } from "../../ports/session-platform.ts";

/** Notifies the platform of a runner's events, and whether a run began with them. */
export function noteEvents(
  platform: Pick<SessionPlatform, "noteActivity">,
  key: SessionKey,
  events: readonly EventFacts[],
): void {
  if (events.length === 0) return;
  const isStart = events.some(({ type }) => type === "RUN_STARTED");
  platform.noteActivity(key, isStart ? "run-started" : "event");
}
