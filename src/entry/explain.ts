import { ConfigError } from "../config.ts";
import { hasCode, RunlogError } from "../ports/errors.ts";
import { EXIT, type ExitCode, UsageError } from "./exit.ts";

/** What made the command fail, for people: no stack. */
export function explain(error: unknown): string {
  if (error instanceof ConfigError || error instanceof RunlogError) return error.message;
  if (error instanceof Error && "code" in error && error.code === "EADDRINUSE")
    return `${error.message}: is another server running? PORT sets another port`;
  return error instanceof Error ? error.message : String(error);
}

/** What the process ends with after such an error. */
export function exitCodeOf(error: unknown): ExitCode {
  if (error instanceof ConfigError || error instanceof UsageError) return EXIT.usage;
  if (error instanceof Error && "code" in error && String(error.code).startsWith("ERR_PARSE_ARGS"))
    return EXIT.usage;
  if (hasCode(error, "store-locked")) return EXIT.locked;
  return hasCode(error, "archive-damaged") ? EXIT.damaged : EXIT.failed;
}
