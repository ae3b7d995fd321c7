import type { RemoteSession, RunFacts } from "../../../client/index.ts";
import { EXIT } from "../../exit.ts";
import { say } from "../../process.ts";
import type { Column } from "../../terminal/table.ts";
import { parseArgs, readCount } from "../arguments.ts";
import type { Command } from "../command.ts";
import { nameOf } from "../selection.ts";
import { durationText } from "../units.ts";
import { timeText, writeRows } from "./output.ts";
import { oneSession, SERVER_HELP, SERVER_OPTIONS, serverOf } from "./server.ts";

const OPTIONS = {
  ...SERVER_OPTIONS,
  limit: { type: "string", short: "n", default: "20" },
} as const;

const COLUMNS: readonly Column[] = [
  { head: "RUN" },
  { head: "STATUS" },
  { head: "STARTED" },
  { head: "TOOK", isNumber: true },
  { head: "EVENTS", isNumber: true },
  { head: "TOOLS", isNumber: true },
  { head: "TOKENS", isNumber: true },
  { head: "ERROR", mayBeCut: true },
];
const MOST = 100_000;
const MOST_OF_PAGE = 10_000;

/** `runlog runs`. */
export const runsCommand: Command = {
  name: "runs",
  summary: "list the runs of a session",
  help: `Usage: runlog runs <project>/<session> [options]

Lists runs, newest first: id, what became of it, when it started and how long it took, events, tool
calls, tokens, error.

  -n, --limit <n> at most so many (default 20)
  --json          one JSON object a run
${SERVER_HELP}
Examples:
  runlog runs demo/hello
  runlog runs demo/hello --json | jq 'select(.status == "error")'
`,
  async run(args) {
    const { values, positionals } = parseArgs({
      args: [...args],
      options: OPTIONS,
      allowPositionals: true,
    });
    const key = oneSession("runs", positionals);
    const limit = readCount("--limit", values.limit, MOST);
    const server = serverOf(values.server, process.env);
    const session = server.project(key.project).session(key.session);
    const runs = await server.ask(key, () => runsOf(session, limit));
    await writeRows(runs, { json: values.json, columns: COLUMNS, row: rowOf });
    if (runs.length === 0) say(`${nameOf(key)} has no runs yet`);
    return EXIT.done;
  },
};

async function runsOf(session: RemoteSession, limit: number): Promise<readonly RunFacts[]> {
  const runs: RunFacts[] = [];
  for (let cursor: string | null | undefined; cursor !== null && runs.length < limit;) {
    const left = Math.min(MOST_OF_PAGE, limit - runs.length);
    const page = await session.runs({ limit: left, ...(cursor !== undefined && { cursor }) });
    runs.push(...page.runs);
    cursor = page.next;
  }
  return runs.slice(0, limit);
}

function rowOf(run: RunFacts): readonly string[] {
  const { runId, status, startedAt, endedAt, events, toolCalls, usage, error } = run;
  const ms = startedAt && endedAt ? Date.parse(endedAt) - Date.parse(startedAt) : null;
  return [
    runId,
    status,
    timeText(startedAt),
    ms === null ? "-" : process.stdout.isTTY ? durationText(ms) : String(ms / 1_000),
    String(events),
    String(toolCalls),
    numberText(usage?.["totalTokens"]),
    error?.message ?? "",
  ];
}

function numberText(value: unknown): string {
  return typeof value === "number" ? String(value) : "-";
}
