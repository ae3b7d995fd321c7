import type { SessionClient, SessionDocument } from "../../../client/index.ts";
import { EXIT, UsageError } from "../../exit.ts";
import { say } from "../../process.ts";
import type { Column } from "../../terminal/table.ts";
import { parseArgs, readCount } from "../arguments.ts";
import type { Command } from "../command.ts";
import { readProject } from "../selection.ts";
import { timeText, writeRows } from "./output.ts";
import { SERVER_HELP, SERVER_OPTIONS, serverOf } from "./server.ts";

const OPTIONS = {
  ...SERVER_OPTIONS,
  search: { type: "string" },
  limit: { type: "string", short: "n", default: "100" },
} as const;

const COLUMNS: readonly Column[] = [
  { head: "SESSION" },
  { head: "STATUS" },
  { head: "AGENT" },
  { head: "CREATED" },
  { head: "TITLE", mayBeCut: true },
];
const MOST = 100_000;
const PAGE = 100;

/** `runlog ls`. */
export const lsCommand: Command = {
  name: "ls",
  summary: "list the sessions of a project",
  help: `Usage: runlog ls <project> [options]

Lists sessions, newest first: name, what the agent does, agent, creation, title. In a pipe a line a
session, separated by tabs.

  --search <text> only those whose name, title or first prompt contains it
  -n, --limit <n> at most so many (default 100)
  --json          one JSON document a session
${SERVER_HELP}
Examples:
  runlog ls demo
  runlog ls demo --json | jq -r .metadata.name
`,
  async run(args) {
    const { values, positionals } = parseArgs({
      args: [...args],
      options: OPTIONS,
      allowPositionals: true,
    });
    const [name, ...more] = positionals;
    if (name === undefined || more.length > 0)
      throw new UsageError("Name a project: runlog ls <project>, such as runlog ls demo");
    const project = readProject(name.replace(/\/$/, ""));
    const limit = readCount("--limit", values.limit, MOST);
    const server = serverOf(values.server, process.env);
    const found = await server.ask({ project, session: null }, () =>
      sessionsOf(server.project(project), { search: values.search, limit }),
    );
    await writeRows(found.items, { json: values.json, columns: COLUMNS, row: rowOf });
    if (found.items.length === 0)
      say(`There are no${values.search === undefined ? "" : " such"} sessions in ${project}`);
    else if (found.total > found.items.length)
      say(`${found.items.length} of ${found.total}; --limit says how many`);
    return EXIT.done;
  },
};

async function sessionsOf(
  client: SessionClient,
  { search, limit }: { readonly search: string | undefined; readonly limit: number },
): Promise<{ readonly items: readonly SessionDocument[]; readonly total: number }> {
  const items: SessionDocument[] = [];
  for (let offset: number | undefined = 0; ;) {
    const page = await client.list({
      limit: Math.min(PAGE, limit - items.length),
      offset,
      ...(search !== undefined && { search }),
    });
    items.push(...page.items);
    offset = page.nextOffset;
    if (offset === undefined || items.length >= limit) return { items, total: page.totalCount };
  }
}

function rowOf({ metadata, spec, status }: SessionDocument): readonly string[] {
  const { agent, displayName, initialPrompt } = spec;
  return [
    metadata.name,
    status?.agentStatus ?? status?.phase ?? "-",
    typeof agent === "string" ? agent : "-",
    timeText(metadata.creationTimestamp),
    displayName || initialPrompt || "",
  ];
}
