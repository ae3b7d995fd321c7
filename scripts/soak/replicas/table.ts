import { formatNumber } from "../../bench/row.ts";
import { formatCounts, formatLines, loopDelays, mebibytes, memoryCurve } from "../report.ts";
import type { ReplicaResult, ReplicaSoakResult } from "./soak.ts";

/** What came of a soak of several servers, as a table. */
export function formatReplicaSoak(result: ReplicaSoakResult): string {
  const { runs, relayed, viewers, clients, failures, violations } = result;
  const { delays } = viewers;
  const acceptedOf = (sessions: Iterable<string>): string =>
    formatNumber(
      [...sessions].reduce((sum, session) => sum + (runs.accepted.get(session)?.length ?? 0), 0),
    );
  return formatLines([
    ...result.replicas.flatMap(linesOf),
    [
      "delivery",
      `p50 ${delays.p50Ms} ms, p99 ${delays.p99Ms} ms, highest ${formatNumber(delays.maxMs)} ms, of ${formatNumber(delays.count)} events`,
    ],
    [
      "runs",
      `${acceptedOf(runs.accepted.keys())} accepted, ${formatNumber(runs.finished)} finished; posts ${formatCounts(runs.answers)}`,
    ],
    ["  through relays", `${acceptedOf(relayed)} accepted`],
    [
      "live viewers",
      `${formatNumber(viewers.events)} events seen; connections ${formatCounts(viewers.answers)}`,
    ],
    ["other clients", formatCounts(clients.counts)],
    [
      "5xx in flight at a kill",
      `${failures.killed} at the server, ${failures["passed-on"]} passed on`,
    ],
    ["  503 of one that stopped", String(failures.stopping)],
    ["  proxy reached nobody", String(failures.refused)],
    ["  unexplained", String(failures.unexplained)],
    [
      "checked",
      `${result.rangesChecked.toLocaleString("en")} streams against ${result.logsChecked} logs of ${mebibytes(result.bytesChecked)}`,
    ],
    ["verdict", violations.length === 0 ? "no violation" : `${violations.length} VIOLATIONS`],
  ]);
}

function linesOf(
  { samples, peakBytes, outages, group }: ReplicaResult,
  number: number,
): [string, string][] {
  const kills = outages.filter(({ cause }) => cause === "killed");
  const rolls = outages.filter(({ cause }) => cause === "rolled over");
  const longest = (times: readonly number[]): string => formatNumber(Math.max(0, ...times));
  const stopMs = longest(rolls.map(({ fromMs, goneMs }) => goneMs - fromMs));
  const startMs = longest(outages.map(({ goneMs, untilMs }) => untilMs - goneMs));
  return [
    [`replica ${number}`, memoryCurve(samples)],
    [
      "  highest",
      `resident ${mebibytes(peakBytes)}; ` +
        (group === null
          ? "no memory group on this machine"
          : `group's peak ${mebibytes(group.peakBytes)}, killed ${group.oomKills} times`),
    ],
    ["  event loop", loopDelays(samples)],
    [
      "  away",
      `${kills.length} kill -9, ${rolls.length} SIGTERM; stops within ${stopMs} ms, starts within ${startMs} ms`,
    ],
  ];
}
