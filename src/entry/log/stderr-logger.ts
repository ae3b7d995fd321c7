import type { Logger, LogLevel } from "../../ports/logger.ts";
import { loggerBy } from "./levels.ts";
import { jsonLine, readableLine } from "./log-line.ts";

export interface StderrLoggerOptions {
  /** The least that is logged. Default `info`. */
  readonly level?: LogLevel;
  /** `json`: an object a line. `readable`: for people, on a terminal. Default `json`. */
  readonly form?: "json" | "readable";
}

/** Characters that are not held any longer. */
const MAX_HELD = 64 * 1024;

let held = "";
let isWatchingExit = false;

/**
 * Logs to standard error. Lines of one turn of the event loop go out by one write, at the latest with the first warning or error
 * among them.
 *
 * @example
 * ```ts
 * import { parseConfig } from "runlog";
 * import { createStderrLogger, start } from "runlog/node";
 *
 * await start(parseConfig(process.env), createStderrLogger({ level: "warn" }));
 * ```
 */
export function createStderrLogger({ level, form = "json" }: StderrLoggerOptions = {}): Logger {
  const textOf = form === "json" ? jsonLine : readableLine;
  return loggerBy((of, event, facts = {}) => {
    add(`${textOf({ time: new Date(), level: of, event, facts })}\n`);
    if (of === "warn" || of === "error" || held.length > MAX_HELD) flush();
  }, level ?? "info");
}

/** JSON lines of `info` and above on standard error. */
export const stderrLogger: Logger = createStderrLogger();

function add(text: string): void {
  if (!isWatchingExit) process.on("exit", flush);
  isWatchingExit = true;
  if (held === "") setImmediate(flush);
  held += text;
}

function flush(): void {
  if (held === "") return;
  const text = held;
  held = "";
  process.stderr.write(text);
}
