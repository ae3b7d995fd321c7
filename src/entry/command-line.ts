import { archiveCommand } from "./commands/archive.ts";
import type { Command } from "./commands/command.ts";
import { exportCommand } from "./commands/export.ts";
import { restoreCommand } from "./commands/restore.ts";
import { serveCommand } from "./commands/serve.ts";
import { verifyCommand } from "./commands/verify.ts";
import { EXIT, EXIT_HELP, type ExitCode, UsageError } from "./exit.ts";
import { exitCodeOf, explain } from "./explain.ts";
import { say } from "./process.ts";
import { version } from "./version.ts";

const COMMANDS: readonly Command[] = [
  serveCommand,
  archiveCommand,
  restoreCommand,
  exportCommand,
  verifyCommand,
];

/** Runs the command that the arguments name, and prints why it failed. Never rejects. */
export async function runCommandLine(args: readonly string[]): Promise<ExitCode> {
  try {
    return await run(args);
  } catch (error) {
    say(explain(error));
    return exitCodeOf(error);
  }
}

async function run(args: readonly string[]): Promise<ExitCode> {
  const [first = "serve", ...others] = args;
  if (isHelp(first)) return print(generalHelp());
  if (first === "--version" || first === "-v") return print(`runlog ${version()}\n`);
  const isOption = first.startsWith("-");
  const command = isOption ? serveCommand : COMMANDS.find(({ name }) => name === first);
  if (!command)
    throw new UsageError(
      `There is no command "${first}"; there are ${COMMANDS.map(({ name }) => name).join(", ")}, and --help tells of them`,
    );
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

function generalHelp(): string {
  const lines = COMMANDS.map(({ name, summary }) => `  ${name.padEnd(8)}  ${summary}\n`);
  return `runlog - a durable session server for AI agents

Usage: runlog [command] [options]     runlog <command> --help     runlog --version

${lines.join("")}
${serveCommand.help.replace(/^Usage: .*\n\n/, "")}
${EXIT_HELP}`;
}
