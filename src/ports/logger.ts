/** Facts of one log line. Never a token, a message of a user, or a body. */
export type LogFacts = Readonly<Record<string, unknown>>;

/** How much a line matters, the least first. */
export type LogLevel = "debug" | "info" | "warn" | "error";

/**
 * Where runlog logs. Never throws and never blocks; lines of one process keep their order. `event`
 * is a constant in kebab-case that can be searched for, the rest are facts.
 */
export interface Logger {
  /** What only somebody wants to know who looks for a fault. Without it such lines are not logged. */
  debug?(event: string, facts?: LogFacts): void;
  info(event: string, facts?: LogFacts): void;
  warn(event: string, facts?: LogFacts): void;
  error(event: string, facts?: LogFacts): void;
}

/** A logger as one function. */
export type WriteLog = (level: LogLevel, event: string, facts?: LogFacts) => void;
