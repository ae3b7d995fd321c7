import type { RemoteSession, SessionMessage } from "../../../client/index.ts";
import { EXIT, UsageError } from "../../exit.ts";
import { say } from "../../process.ts";
import { parseArgs } from "../arguments.ts";
import type { Command } from "../command.ts";
import { forOutput, write } from "./output.ts";
import { oneSession, SERVER_HELP, SERVER_OPTIONS, serverOf } from "./server.ts";

const OPTIONS = {
  ...SERVER_OPTIONS,
  state: { type: "boolean", default: false },
  at: { type: "string" },
} as const;

/** `runlog show`. */
export const showCommand: Command = {
  name: "show",
  summary: "print a session's conversation, or its state",
  help: `Usage: runlog show <project>/<session> [options]

Prints the conversation as Markdown, or with --state the state as JSON: as they are now, or as they
were at a cursor, which runlog tail shows in a pipe.

  --state         the state in place of the conversation
  --at <cursor>   as it was there
  --json          messages, state, runs and interrupts as one JSON object
${SERVER_HELP}
Examples:
  runlog show demo/hello | less
  runlog show demo/hello --state | jq .phase
  runlog show demo/hello --at "$(runlog tail demo/hello -n 50 | head -1 | cut -f1)"
`,
  async run(args) {
    const { values, positionals } = parseArgs({
      args: [...args],
      options: OPTIONS,
      allowPositionals: true,
    });
    if (values.state && values.json) throw new UsageError("--state and --json exclude each other");
    const key = oneSession("show", positionals);
    const server = serverOf(values.server, process.env);
    const session = server.project(key.project).session(key.session);
    const { at, state, json } = values;
    await server.ask(key, async () => {
      if (at === undefined && !state && !json) return writeMarkdown(session);
      const what = at === undefined ? await session.messages() : await session.snapshot(at);
      if (json) return write(`${JSON.stringify(what)}\n`);
      if (what.incomplete) say("it is too large for the server to send it whole");
      if (state) return write(forOutput(`${JSON.stringify(what.state, null, 2)}\n`));
      return write(forOutput((what.messages ?? []).map(messageText).join("\n")));
    });
    return EXIT.done;
  },
};

/** The conversation as the server writes it, as it comes. */
async function writeMarkdown(session: RemoteSession): Promise<void> {
  const { body } = await session.export({ format: "markdown" });
  if (!body) return;
  for await (const text of body.pipeThrough(new TextDecoderStream())) await write(forOutput(text));
}

function messageText({ role, content, toolCalls }: SessionMessage): string {
  const head = `## ${role.charAt(0).toUpperCase()}${role.slice(1)}\n`;
  const said =
    typeof content === "string" ? content : content === undefined ? "" : JSON.stringify(content);
  const calls = Array.isArray(toolCalls) ? toolCalls.map(callText) : [];
  return [head, ...(said === "" ? [] : [`${said}\n`]), ...calls].join("\n");
}

function callText(call: unknown): string {
  const { function: called }: { function?: unknown } = Object(call);
  const { name, arguments: given }: { name?: unknown; arguments?: unknown } = Object(called);
  return `> ${String(name)}(${String(given)})\n`;
}
