import type { ExitCode } from "../exit.ts";

/** One command of the command line. */
export interface Command {
  readonly name: string;
  /** One line for the list of commands. */
  readonly summary: string;
  /** Its `--help` text without the exit codes. */
  readonly help: string;
  /** Runs it with what stands after its name. Rejects with what makes it fail as a whole. */
  run(args: readonly string[]): Promise<ExitCode>;
}
