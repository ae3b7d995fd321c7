import type { LogLevel } from "../ports/logger.ts";
import { type Setting, setting } from "./setting.ts";
import { oneOf } from "./values.ts";

/** The least first. */
export const LOG_LEVELS: readonly LogLevel[] = ["debug", "info", "warn", "error"];

/** Where it is recorded who did what. */
export type AuditConfig =
  | { readonly kind: "stdout" }
  | { readonly kind: "file"; readonly path: string };

export interface LoggingSettings {
  readonly logLevel: Setting<LogLevel>;
  readonly audit: Setting<AuditConfig | null>;
}

/** What the process says of itself, and of who does what. */
export const LOGGING_SETTINGS: LoggingSettings = {
  logLevel: setting<LogLevel>("RUNLOG_LOG_LEVEL", "info", oneOf(...LOG_LEVELS), {
    shown: "info",
    meaning: "the least that is logged: debug, info (a line a request), warn or error",
    form: "debug, info, warn or error",
    flag: "log-level",
    group: "Logs",
  }),
  audit: setting<AuditConfig | null>("RUNLOG_AUDIT", null, readAudit, {
    shown: "",
    meaning:
      "where it is recorded who read, ran, changed or deleted what: the path of a file, or stdout",
    form: "stdout or the path of a file",
    flag: "audit",
    group: "Logs",
  }),
};

function readAudit(text: string): AuditConfig | null {
  if (text === "stdout") return { kind: "stdout" };
  return text.includes("\0") || text.endsWith("/") ? null : { kind: "file", path: text };
}
