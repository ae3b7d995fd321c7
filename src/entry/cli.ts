#!/usr/bin/env node
import { archiveCommand } from "./commands/archive.ts";
import type { Command } from "./commands/command.ts";
import { exportCommand } from "./commands/export.ts";
import { restoreCommand } from "./commands/restore.ts";
import { serveCommand } from "./commands/serve.ts";
import { verifyCommand } from "./commands/verify.ts";
import { EXIT, EXIT_HELP, type ExitCode, UsageError } from "./exit.ts";
import { exitCodeOf, explain } from "./explain.ts";
import { version } from "./version.ts";

const COMMANDS: readonly Command[] = [
  serveCommand,
  archiveCommand,
  restoreCommand,
  exportCommand,
  verifyCommand,
];

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`runlog: ${explain(error)}\n`);
  process.exitCode = exitCodeOf(error);
}

async function main(args: readonly string[]): Promise<ExitCode> {
  const [first = "serve", ...others] = args;
  if (isHelp(first)) return say(generalHelp());
  if (first === "--version" || first === "-v") return say(`runlog ${version()}\n`);
  const isOption = first.startsWith("-");
  const command = isOption ? serveCommand : COMMANDS.find(({ name }) => name === first);
  if (!command) throw new UsageError(`There is no command "${first}"; --help names them`);
  const rest = isOption ? args : others;
  if (rest.some(isHelp))
    return say(`runlog ${command.name} - ${command.summary}\n\n${command.help}\n${EXIT_HELP}`);
  return command.run(rest);
}

function isHelp(argument: string): boolean {
  return argument === "--help" || argument === "-h";
}

function say(text: string): ExitCode {
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
