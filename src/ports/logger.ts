/** Facts of one log line. Never a token, a message of a user, or a body. */
export type LogFacts = Readonly<Record<string, unknown>>;

/**
 * Where runlog logs. Never throws and never blocks; lines of one process keep their order. `event`
 * is a constant in kebab-case that can be searched for, the rest are facts.
 */
export interface Logger {
  info(event: string, facts?: LogFacts): void;
  warn(event: string, facts?: LogFacts): void;
  error(event: string, facts?: LogFacts): void;
}
