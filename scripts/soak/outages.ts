import type { FailedAnswer } from "./failed-answer.ts";

/** A time in which a server was away; all times in ms of the epoch. */
export interface Outage {
  readonly port: number;
  readonly cause: "killed" | "rolled over";
  /** When its signal was sent. */
  readonly fromMs: number;
  /** When its process had ended. */
  readonly goneMs: number;
  /** When it answered again. */
  readonly untilMs: number;
}

/**
 * Why a request was answered with a 5xx. `killed`: it was in flight at a server that was killed;
 * `passed-on`: it was in flight while another server was killed, to which it may have been passed on;
 * `stopping`: 503 of a server that was asked to stop, which takes no new runs (PROTOCOL 8) and whose proxy
 * does not ask whether it is ready;
 * `refused`: the proxy could not reach a server that was away, and may not ask another one for a POST;
 * `unexplained`: nothing of this, so that no client should have met it.
 */
export type FailureCause = "killed" | "passed-on" | "stopping" | "refused" | "unexplained";

const UNAVAILABLE = 503;
/** What a server has sent last may be read so much later, in ms. */
const READ_MS = 2_000;

/** Streams that ended in order within a run although no server was stopping, which ends its streams wherever they are (PROTOCOL 4.6, 11.3). */
export function unexplainedEnds(
  ends: readonly { readonly what: string; readonly atMs: number }[],
  outages: readonly Outage[],
): string[] {
  const stops = outages.filter(({ cause }) => cause === "rolled over");
  return ends
    .filter(
      ({ atMs }) => !stops.some((stop) => stop.fromMs <= atMs && atMs <= stop.goneMs + READ_MS),
    )
    .map(({ atMs, what }) => `${what}: it ended within a run at ${new Date(atMs).toISOString()}`);
}

/** Explains an answer of 5xx by what was done to the servers. */
export function explainFailure(failure: FailedAnswer, outages: readonly Outage[]): FailureCause {
  const { fromMs, toMs, port, status, isReached } = failure;
  const isAway = (outage: Outage): boolean => outage.fromMs <= toMs && fromMs <= outage.untilMs;
  const own = outages.filter((outage) => outage.port === port && isAway(outage));
  if (!isReached) return own.length > 0 ? "refused" : "unexplained";
  const isStopping = own.some(({ cause, goneMs }) => cause === "rolled over" && fromMs <= goneMs);
  if (isStopping && status === UNAVAILABLE) return "stopping";
  const killed = outages.filter(({ cause }) => cause === "killed");
  const inFlight = killed.filter((kill) => fromMs <= kill.goneMs && kill.fromMs <= toMs);
  if (inFlight.some((kill) => kill.port === port)) return "killed";
  return inFlight.length > 0 ? "passed-on" : "unexplained";
}
