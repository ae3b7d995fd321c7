import type { Logger, LogLevel, WriteLog } from "../../ports/logger.ts";
import { LOG_LEVELS } from "../../config/logging.ts";

/** Whether a line of `level` is wanted where `least` is the least that is. */
export function isWanted(level: LogLevel, least: LogLevel): boolean {
  return LOG_LEVELS.indexOf(level) >= LOG_LEVELS.indexOf(least);
}

/** A logger that gives a function the lines of `least` and above, by default all. */
export function loggerBy(write: WriteLog, least: LogLevel = "debug"): Logger {
  const at =
    (level: LogLevel): Logger["info"] =>
    (event, facts) => {
      if (isWanted(level, least)) write(level, event, facts);
    };
  return { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
}
