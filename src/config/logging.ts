import type { LogLevel } from "../ports/logger.ts";
import { type Setting, setting } from "./setting.ts";
import { oneOf } from "./values.ts";

/** The least first. */
export const LOG_LEVELS: readonly LogLevel[] = ["debug", "info", "warn", "error"];

export interface LoggingSettings {
  readonly logLevel: Setting<LogLevel>;
}

/** What the process says of itself. */
export const LOGGING_SETTINGS: LoggingSettings = {
  logLevel: setting<LogLevel>("RUNLOG_LOG_LEVEL", "info", oneOf(...LOG_LEVELS), {
    shown: "info",
    meaning: "the least that is logged: debug, info (a line a request), warn or error",
    form: "debug, info, warn or error",
    group: "Logs",
  }),
};
