import type { AgUiEvent, SessionEvent } from "../../../client/index.ts";
import { EXIT, type ExitCode } from "../../exit.ts";
import { say } from "../../process.ts";
import { fitTo } from "../../terminal/text-width.ts";
import { visible } from "../../terminal/visible.ts";
import { parseArgs, readCount } from "../arguments.ts";
import type { Command } from "../command.ts";
import { write } from "./output.ts";
import { oneSession, SERVER_HELP, SERVER_OPTIONS, serverOf } from "./server.ts";

const OPTIONS = {
  ...SERVER_OPTIONS,
  follow: { type: "boolean", short: "f", default: false },
  lines: { type: "string", short: "n", default: "20" },
  after: { type: "string" },
  raw: { type: "boolean", default: false },
} as const;

const MOST = 10_000;
const TYPE_WIDTH = 26;
const DEFAULT_WIDTH = 80;
/** Members that say nothing beyond the line's own columns, or nothing to people. */
const LEFT_OUT: ReadonlySet<string> = new Set(["type", "timestamp", "rawEvent"]);
/** Members that say most, which come first. */
const FIRST: readonly string[] = ["delta", "content", "message", "toolCallName", "name", "value"];

type Form = (event: SessionEvent) => string;

/** `runlog tail`. */
export const tailCommand: Command = {
  name: "tail",
  summary: "print a session's last events, and with -f those that come",
  help: `Usage: runlog tail <project>/<session> [options]

Prints the last events of a session, one a line: its time, type and members on a terminal; in a pipe
its cursor, type and JSON, separated by tabs. With -f it goes on, over connections that break
and restarts of the server, until Ctrl-C or the session is deleted.

  -f, --follow    go on with the events that come
  -n, --lines <n> how many of the last (default 20)
  --after <cursor>
                  all events after this one in place of the last
  --raw           every event as it was stored; by default finished runs come compact
  --json          one JSON object {"cursor", "event"} a line
${SERVER_HELP}
Examples:
  runlog tail -f demo/hello
  runlog tail demo/hello -n 1000 --json | jq 'select(.event.type == "RUN_ERROR")'
`,
  async run(args) {
    const { values, positionals } = parseArgs({
      args: [...args],
      options: OPTIONS,
      allowPositionals: true,
    });
    const key = oneSession("tail", positionals);
    const limit = readCount("--lines", values.lines, MOST);
    const view = values.raw ? { view: "raw" as const } : {};
    const form: Form = values.json ? jsonForm : process.stdout.isTTY ? terminalForm : pipeForm;
    const server = serverOf(values.server, process.env);
    const session = server.project(key.project).session(key.session);
    const { after: given } = values;

    const writePage = async (from: { after?: string }, count: number): Promise<Place> => {
      const page = await server.ask(key, () => session.page({ ...from, ...view, limit: count }));
      const lines = page.events.map((event, at) =>
        form({ event, cursor: page.cursors[at] ?? null, replay: null }),
      );
      await write(lines.join(""));
      return { end: page.end, hasMore: page.hasAfter };
    };
    let place = await writePage(
      given === undefined ? {} : { after: given },
      given === undefined ? limit : MOST,
    );
    if (given !== undefined)
      while (place.hasMore && place.end !== null)
        place = await writePage({ after: place.end }, MOST);
    if (!values.follow) return EXIT.done;
    return server.ask(key, async (): Promise<ExitCode> => {
      for await (const event of session.events({ ...view, after: place.end })) {
        if (event.replay !== null)
          say(`the log begins anew from here (${event.replay}): what came before it is void`);
        await write(form(event));
      }
      say("the session was deleted");
      return EXIT.done;
    });
  },
};

/** Where a page ends, and whether there are events after it. */
interface Place {
  readonly end: string | null;
  readonly hasMore: boolean;
}

function jsonForm({ cursor, event }: SessionEvent): string {
  return `${JSON.stringify({ cursor, event })}\n`;
}

function pipeForm({ cursor, event }: SessionEvent): string {
  return `${cursor ?? ""}\t${visible(event.type)}\t${JSON.stringify(event)}\n`;
}

function terminalForm({ event }: SessionEvent): string {
  const { timestamp, type } = event;
  const time = typeof timestamp === "number" ? clockText(timestamp) : "";
  const line = `${time.padEnd(12)}  ${visible(type).padEnd(TYPE_WIDTH)}  ${membersText(event)}`;
  return `${fitTo(line, process.stdout.columns || DEFAULT_WIDTH).trimEnd()}\n`;
}

/** Local time with milliseconds; empty for a number that is none. */
function clockText(ms: number): string {
  const time = new Date(ms);
  if (Number.isNaN(time.getTime())) return "";
  return `${time.toTimeString().slice(0, 8)}.${String(time.getMilliseconds()).padStart(3, "0")}`;
}

function membersText(event: AgUiEvent): string {
  const rank = (name: string): number =>
    FIRST.includes(name) ? FIRST.indexOf(name) : FIRST.length;
  return Object.entries(event)
    .filter(([name]) => !LEFT_OUT.has(name))
    .sort(([a], [b]) => rank(a) - rank(b))
    .map(([name, value]) => visible(`${name}=${JSON.stringify(value)?.slice(0, 1_000)}`))
    .join(" ");
}
