import type { LogFacts, Logger } from "../ports/logger.ts";

/** One JSON object a line on standard error. Errors are logged with their causes, never thrown. */
export const stderrLogger: Logger = {
  info: (event, facts) => writeLine("info", event, facts),
  warn: (event, facts) => writeLine("warn", event, facts),
  error: (event, facts) => writeLine("error", event, facts),
};

function writeLine(level: string, event: string, facts: LogFacts = {}): void {
  const line = { time: new Date().toISOString(), level, event, ...facts };
  process.stderr.write(`${JSON.stringify(line, tellError)}\n`);
}

function tellError(_key: string, value: unknown): unknown {
  if (!(value instanceof Error)) return value;
  const { name, message, stack, cause } = value;
  const code = "code" in value ? { code: value.code } : {};
  return { name, ...code, message, ...(cause !== undefined ? { cause } : { stack }) };
}
