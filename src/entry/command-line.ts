import type { Command } from "./commands/command.ts";
import { EXIT, EXIT_HELP, type ExitCode, UsageError } from "./exit.ts";
import { say } from "./process.ts";
import { version } from "./version.ts";

/** Loaded one by one: a relay has not the memory for what a server is made of. */
const COMMANDS: ReadonlyMap<string, () => Promise<Command>> = new Map([
  ["serve", async (): Promise<Command> => (await import("./commands/serve.ts")).serveCommand],
  ["ls", async (): Promise<Command> => (await import("./commands/look/ls.ts")).lsCommand],
  ["show", async (): Promise<Command> => (await import("./commands/look/show.ts")).showCommand],
  ["tail", async (): Promise<Command> => (await import("./commands/look/tail.ts")).tailCommand],
  ["send", async (): Promise<Command> => (await import("./commands/look/send.ts")).sendCommand],
  ["runs", async (): Promise<Command> => (await import("./commands/look/runs.ts")).runsCommand],
  ["fork", async (): Promise<Command> => (await import("./commands/look/fork.ts")).forkCommand],
  ["open", async (): Promise<Command> => (await import("./commands/look/open.ts")).openCommand],
  ["relay", async (): Promise<Command> => (await import("./commands/relay.ts")).relayCommand],
  ["archive", async (): Promise<Command> => (await import("./commands/archive.ts")).archiveCommand],
  ["restore", async (): Promise<Command> => (await import("./commands/restore.ts")).restoreCommand],
  [
    "retention",
    async (): Promise<Command> => (await import("./commands/retention.ts")).retentionCommand,
  ],
  ["export", async (): Promise<Command> => (await import("./commands/export.ts")).exportCommand],
  ["token", async (): Promise<Command> => (await import("./commands/token.ts")).tokenCommand],
  ["verify", async (): Promise<Command> => (await import("./commands/verify.ts")).verifyCommand],
]);

/** Runs the command that the arguments name, and prints why it failed. Never rejects. */
export async function runCommandLine(args: readonly string[]): Promise<ExitCode> {
  try {
    return await run(args);
  } catch (error) {
    // what there is to know of settings and stores is loaded by whoever uses it
    const { exitCodeOf, explain } = await import("./explain.ts");
    const { visible } = await import("./terminal/visible.ts");
    // it may name what was given, and a terminal would act on it
    say(visible(explain(error), { keepLines: true }));
    return exitCodeOf(error);
  }
}

async function run(args: readonly string[]): Promise<ExitCode> {
  const [first = "serve", ...others] = args;
  if (isHelp(first)) return print(await generalHelp());
  if (first === "--version" || first === "-v") return print(`runlog ${version()}\n`);
  const isOption = first.startsWith("-");
  const load = COMMANDS.get(isOption ? "serve" : first);
  if (!load) {
    const { didYouMean } = await import("./closest.ts");
    throw new UsageError(
      `There is no command "${first}".${didYouMean(first, COMMANDS.keys())} There are ${[...COMMANDS.keys()].join(", ")}, and --help tells of them`,
    );
  }
  const command = await load();
  const rest = isOption ? args : others;
  if (rest.some(isHelp))
    return print(`runlog ${command.name} - ${command.summary}\n\n${command.help}\n${EXIT_HELP}`);
  return command.run(rest);
}

function isHelp(argument: string): boolean {
  return argument === "--help" || argument === "-h";
}

function print(text: string): ExitCode {
  process.stdout.write(text);
  return EXIT.done;
}

async function generalHelp(): Promise<string> {
  const commands = await Promise.all([...COMMANDS.values()].map((load) => load()));
  const lines = commands.map(({ name, summary }) => `  ${name.padEnd(8)}  ${summary}\n`);
  const [serve] = commands;
  return `runlog - a durable session server for AI agents

Usage: runlog [command] [options]     runlog <command> --help     runlog --version

${lines.join("")}
${serve?.help.replace(/^Usage: .*\n\n/, "")}
${EXIT_HELP}`;
}
