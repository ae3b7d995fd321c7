import type { ForkPoint } from "../../../client/index.ts";
import { EXIT, UsageError } from "../../exit.ts";
import { say } from "../../process.ts";
import { parseArgs } from "../arguments.ts";
import type { Command } from "../command.ts";
import { nameOf } from "../selection.ts";
import { write } from "./output.ts";
import { oneSession, SERVER_HELP, SERVER_OPTIONS, serverOf } from "./server.ts";

const OPTIONS = {
  ...SERVER_OPTIONS,
  at: { type: "string" },
  title: { type: "string" },
} as const;

/** `runlog fork`. */
export const forkCommand: Command = {
  name: "fork",
  summary: "make a new session of another one's log up to a cursor",
  help: `Usage: runlog fork <project>/<session> [options]

Makes a session of its own, in the same project and under a new name, which it prints. The log of the
first stays as it is.

  --at <cursor>   up to where (default: its end)
  --title <text>  the new session's title (default: that of the first)
  --json          {"name", "uid", "cursor"} of the new session
${SERVER_HELP}
Examples:
  runlog fork demo/hello
  runlog send "$(runlog fork demo/hello --title 'Another way')" 'Try it without mocks'
`,
  async run(args) {
    const { values, positionals } = parseArgs({
      args: [...args],
      options: OPTIONS,
      allowPositionals: true,
    });
    const key = oneSession("fork", positionals);
    const server = serverOf(values.server, process.env);
    const session = server.project(key.project).session(key.session);
    const forked = await server.ask(key, async () => {
      const at = values.at ?? (await session.page({ limit: 1 })).end;
      if (at === null) throw new UsageError(`${nameOf(key)} has no log yet that could be forked`);
      const from: ForkPoint = {
        at,
        ...(values.title !== undefined && { displayName: values.title }),
      };
      return session.fork(from);
    });
    const name = `${key.project}/${forked.name}`;
    await write(values.json ? `${JSON.stringify(forked)}\n` : `${name}\n`);
    if (process.stderr.isTTY) say(`runlog show ${name} prints it, runlog send ${name} goes on`);
    return EXIT.done;
  },
};
