import { stat } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type ChildScript, startScript } from "../bench/child-script.ts";
import { freePort } from "../bench/loopback.ts";
import { createMemoryGroup, type MemoryGroup } from "../load/memory-group.ts";
import { checkLog } from "./check-log.ts";
import type { ClientsReport } from "./clients-process.ts";
import { formatFailure } from "./failed-answer.ts";
import { keepRunning, type KeptRuns } from "./keep-running.ts";
import { keepServer, type KeptServer } from "./kept-server.ts";
import { layOutSessions, type SoakData } from "./plan.ts";
import { unexplainedEnds } from "./outages.ts";
import { restoreSessions } from "./restore-sessions.ts";
import type { RunnerReady, RunOver } from "./runner-process.ts";
import type { SeenRange } from "./stream-checker.ts";
import type { ViewersReport, WatchedSession } from "./viewers-process.ts";

export interface SoakOptions {
  readonly minutes: number;
  readonly seed: number;
  /** Largest log, in MB. */
  readonly largest: number;
  readonly viewers: number;
  /** Of each running session. */
  readonly eventsPerSecond: number;
  readonly killEverySeconds: number;
  /** Whether the agents of every second running session are behind a relay: then none of their runs may fail. */
  readonly relays: boolean;
  readonly limitBytes: number;
  readonly progress: (text: string) => void;
}

export interface SoakResult {
  readonly server: KeptServer;
  readonly runs: KeptRuns;
  /** Sessions whose runs went through a relay. */
  readonly relayed: ReadonlySet<string>;
  readonly viewers: ViewersReport;
  readonly clients: ClientsReport;
  /** Null where the machine has no memory groups: then resident memory alone is judged. */
  readonly group: { readonly peakBytes: number; readonly oomKills: number } | null;
  readonly logsChecked: number;
  readonly rangesChecked: number;
  readonly violations: readonly string[];
}

const MAX_LISTED = 50;
const CHILD_START_MS = 60_000;
/** Viewers give up by themselves when nothing moves. */
const VIEWERS_MS = 900_000;

/** Runs a soak from an empty directory to the verdict. */
export async function soak(options: SoakOptions): Promise<SoakResult> {
  options.progress(`laying out sessions of up to ${options.largest} MB`);
  const data = await layOutSessions(options.largest);
  const group = await createMemoryGroup(options.limitBytes);
  if (group === null)
    options.progress("no memory group on this machine: resident memory is judged");
  const relayed = data.running
    .filter((_, index) => options.relays && index % 2 === 1)
    .map(({ session }) => session);
  const { seed, eventsPerSecond } = options;
  const runner = startScript<RunnerReady | RunOver>(
    new URL("./runner-process.ts", import.meta.url),
    { seed, eventsPerSecond, relayed, spoolDir: join(data.dir, "spools") },
  );
  try {
    return await watched(options, { ...data, relayed: new Set(relayed) }, group, runner);
  } finally {
    await runner.stop();
    await data.remove();
    group?.remove();
  }
}

interface RelayedData extends SoakData {
  /** The sessions whose agent is behind a relay. */
  readonly relayed: ReadonlySet<string>;
}

async function watched(
  options: SoakOptions,
  data: RelayedData,
  group: MemoryGroup | null,
  runner: ChildScript<RunnerReady | RunOver>,
): Promise<SoakResult> {
  const { port: runnerPort = 0 }: Partial<RunnerReady> = Object(await runner.next(CHILD_START_MS));
  const port = await freePort();
  // beside what the store looks at, so that it goes with the data
  const env = { RUNLOG_ARCHIVE_URL: `file:${join(data.dir, "archive")}` };
  const server = await keepServer({ dataDir: data.dir, port, runnerPort, group, env });
  const children = startClients(options, data, port);
  const leaving = new AbortController();
  try {
    const runs = keepRunning({
      port,
      sessions: data.running.map(({ session: name, path }) => ({ name, path })),
      runner: runner as ChildScript<RunOver>,
      signal: leaving.signal,
    });
    await killNowAndThen(server, options);
    options.progress("no more runs; waiting until everything has come to its end");
    const stuck = await runs.stop().then(
      () => [],
      (error: unknown) => [String(error)],
    );
    const ends: Record<string, number> = {};
    for (const { session, rawPath } of data.running) ends[session] = (await stat(rawPath)).size;
    children.viewers.send({ ends });
    const viewers = await children.viewers.next(VIEWERS_MS);
    children.clients.send("stop");
    const clients = await children.clients.next(VIEWERS_MS);
    const notRestored = await restoreSessions(port, data.resting);
    await server.stop();
    options.progress("checking what was seen against what is stored");
    const checked = await checkLogs(data, runs, [...viewers.seen, ...clients.seen]);
    const used = group && {
      peakBytes: await group.peakBytes(),
      oomKills: await group.oomKills(),
    };
    return {
      server,
      runs,
      relayed: data.relayed,
      viewers,
      clients,
      group: used,
      logsChecked: data.sessions.length,
      rangesChecked: viewers.seen.length + clients.seen.length,
      violations: [
        ...server.violations,
        ...stuck,
        ...notRestored,
        ...memoryViolations(server, used, options.limitBytes),
        ...viewers.violations,
        ...clients.violations,
        ...unexplainedEnds(clients.endedEarly, []),
        // what is refused for want of room comes back later
        ...clients.failures.filter(({ status }) => status !== 503).map(formatFailure),
        ...checked,
      ].slice(0, MAX_LISTED),
    };
  } finally {
    leaving.abort();
    await Promise.all([children.viewers.stop(), children.clients.stop(), server.stop()]);
  }
}

function startClients({ viewers, seed }: SoakOptions, data: SoakData, port: number) {
  const each = Math.ceil(viewers / data.running.length);
  const sessions: WatchedSession[] = data.running.map(({ session, path, endCursor }) => ({
    name: session,
    path,
    endCursor,
    viewers: each,
  }));
  return {
    viewers: startScript<ViewersReport>(new URL("./viewers-process.ts", import.meta.url), {
      ports: [port],
      seed,
      sessions,
    }),
    clients: startScript<ClientsReport>(new URL("./clients-process.ts", import.meta.url), {
      port,
      seed,
      sessions: data.sessions.map(({ session, path, log }) => ({
        name: session,
        path,
        megabytes: log.megabytes,
        isResting: data.resting.some((resting) => resting.session === session),
      })),
    }),
  };
}

async function killNowAndThen(server: KeptServer, options: SoakOptions): Promise<void> {
  const endAtMs = Date.now() + options.minutes * 60_000;
  for (;;) {
    const leftMs = endAtMs - Date.now();
    if (leftMs <= 0) return;
    await sleep(Math.min(leftMs, options.killEverySeconds * 1_000));
    if (Date.now() >= endAtMs) return;
    await server.killAndStart();
    options.progress(
      `killed and started again, ${Math.round((endAtMs - Date.now()) / 1_000)} s before the end`,
    );
  }
}

async function checkLogs(
  data: RelayedData,
  runs: KeptRuns,
  seen: readonly { readonly session: string; readonly range: SeenRange }[],
): Promise<string[]> {
  const violations: string[] = [];
  for (const { session: name, rawPath: file, log, endCursor } of data.sessions) {
    const found = await checkLog({
      file,
      logId: endCursor.slice(0, endCursor.indexOf("-")),
      from: log.bytes,
      accepted: runs.accepted.get(name) ?? [],
      mustSurvive: data.relayed.has(name),
      seen: seen.filter(({ session }) => session === name).map(({ range }) => range),
    });
    violations.push(...found.map((text) => `${name}: ${text}`));
  }
  return violations;
}

function memoryViolations(
  { peakBytes }: KeptServer,
  group: SoakResult["group"],
  limitBytes: number,
): string[] {
  const violations: string[] = [];
  if (peakBytes > limitBytes) violations.push(`resident memory reached ${peakBytes} bytes`);
  if (group !== null && group.oomKills > 0)
    violations.push(`killed for want of memory ${group.oomKills} times`);
  return violations;
}
