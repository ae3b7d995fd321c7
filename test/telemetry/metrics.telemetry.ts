import { expect, it } from "vitest";
import {
  finishedEvent,
  ODD_EVENTS,
  runBody,
  startedEvent,
  tell,
} from "../contract/session-routes/harness.ts";
import { waitFor } from "../contract/wait-for.ts";
import {
  freshDir,
  freshRunner,
  runWhenFree,
  type ServerProcess,
  sessionOf,
  startServer,
} from "../support/server-process.ts";
import { checkMetrics, startPrometheus } from "./prometheus.ts";

const SESSIONS = ["a", "b", "c"];
const RUNS = 6;

/** Where the server's metrics are, once it has said so. */
function metricsUrlOf(server: ServerProcess): string {
  const [, url] = /"metrics-served","url":"([^"]+)"/.exec(server.stderr()) ?? [];
  if (url === undefined) throw new Error(`No metrics are served:\n${server.stderr()}`);
  return url;
}

it("what Prometheus has scraped is what the logs hold", async () => {
  const runner = await freshRunner();
  const server = await startServer({
    env: {
      STORAGE_URL: `file:${await freshDir()}`,
      RUNNER_URL: runner.address,
      RUNLOG_METRICS_PORT: "0",
    },
  });
  const url = metricsUrlOf(server);
  const prometheus = await startPrometheus(new URL(url).host);
  const ends = { finished: 0, failed: 0 };
  let posted = 0;
  for (let number = 0; number < RUNS; number++)
    for (const name of SESSIONS) {
      const runId = `r${number}`;
      const isFailing = number % 3 === 2;
      const end = isFailing ? `{"type":"RUN_ERROR","message":"no"}` : finishedEvent(runId);
      ends[isFailing ? "failed" : "finished"]++;
      runner.script((exchange) => tell(exchange, [startedEvent(runId), ...ODD_EVENTS, end]));
      const session = sessionOf(server, runner, name);
      await runWhenFree(session, runBody(runId));
      await session.settled(runId);
      posted++;
    }
  const logs = await Promise.all(SESSIONS.map((name) => sessionOf(server, runner, name).lines()));
  const lines = logs.flat();
  const bytes = lines.reduce((sum, line) => sum + Buffer.byteLength(line) + 1, 0);

  const scraped = async (query: string, expected: object): Promise<void> => {
    let last: object = {};
    const isSame = async (): Promise<boolean> => {
      last = await prometheus.query(query);
      return JSON.stringify(last) === JSON.stringify(expected);
    };
    await waitFor(isSame, { what: query, timeoutMs: 20_000 }).catch(() => {});
    expect(last, query).toEqual(expected);
  };
  await scraped("up", { "": 1 });
  await scraped("sort(runlog_runs_ended_total)", {
    'end="failed"': ends.failed,
    'end="finished"': ends.finished,
  });
  await scraped("runlog_append_events_total", { "": lines.length });
  await scraped('runlog_append_size_bytes_total{log="raw"}', { 'log="raw"': bytes });
  const route = "/api/projects/:projectName/agentic-sessions/:sessionName/agui/run";
  await scraped(
    `sum(http_server_request_duration_seconds_count{http_route="${route}",http_response_status_code="200"})`,
    { "": posted },
  );
  await scraped("sum(runlog_runs_open)", { "": 0 });
  await scraped("count(runlog_budget_limit_bytes > 0)", { "": 6 });

  const text = await (await fetch(url)).text();
  expect(await checkMetrics(text)).toBe("");
  // no name of a project or a session is among the values
  for (const name of [...SESSIONS, "p1"]) expect(text).not.toContain(`"${name}"`);
});
