/** The exit codes of the process, which the help text lists. */
export const EXIT = {
  done: 0,
  failed: 1,
  usage: 2,
  incomplete: 3,
  damaged: 4,
  locked: 5,
  /** The code that a shell reports for a process that Ctrl-C has ended. */
  interrupted: 130,
  /** The code that a shell reports for a process that SIGPIPE has ended. */
  unread: 141,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

export const EXIT_HELP = `Exit codes:
  0  done
  1  failed
  2  wrong use, or a configuration with problems
  3  some sessions were done and others were not
  4  damage was found
  5  a server uses the directory: stop it, or name it with --server
  130  Ctrl-C has cancelled it
  141  whoever read the output has gone, as | head does
`;

/** A command was used wrongly; the message explains how to use it. */
export class UsageError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "UsageError";
  }
}
