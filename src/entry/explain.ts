import { ConfigError } from "../config.ts";
import { hasCode } from "../ports/errors.ts";
import { EXIT, type ExitCode, UsageError } from "./exit.ts";
import { ownerHint } from "./file-owner.ts";

/** What to do about an error of the operating system that no adapter has put into words. */
const ADVICE: Readonly<Record<string, string>> = {
  EADDRINUSE: "is another server running? --port or PORT sets another port",
  EADDRNOTAVAIL: "--host or HOST names no address of this machine",
  ENOTFOUND: "--host or HOST names no address of this machine",
  EAI_AGAIN: "--host or HOST names no address of this machine",
};

/** What made the command fail, for people: what, where and what to do; no stack. */
export function explain(error: unknown): string {
  const text = error instanceof Error ? error.message || error.name : String(error);
  const { code, path, syscall } = systemErrorIn(error);
  if (path !== undefined && (code === "EACCES" || code === "EPERM"))
    return [text, ownerHint(path)].filter((part) => part !== "").join(": ");
  if (syscall === "listen" && code === "EACCES")
    return `${text}: ports below 1024 are the superuser's; --port or PORT sets another one`;
  const advice = ADVICE[code ?? ""];
  return error instanceof Error && "code" in error && error.code === code && advice !== undefined
    ? `${text}: ${advice}`
    : text;
}

/** What the process ends with after such an error. */
export function exitCodeOf(error: unknown): ExitCode {
  if (error instanceof ConfigError || error instanceof UsageError) return EXIT.usage;
  if (error instanceof Error && "code" in error && String(error.code).startsWith("ERR_PARSE_ARGS"))
    return EXIT.usage;
  if (hasCode(error, "store-locked")) return EXIT.locked;
  return hasCode(error, "archive-damaged") ? EXIT.damaged : EXIT.failed;
}

/** The error of the operating system that is `error`, or its cause, or the cause of that. */
function systemErrorIn(error: unknown): Partial<NodeJS.ErrnoException> {
  for (let at = error; at instanceof Error; at = at.cause)
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- only the system's errors have a call
    if ("syscall" in at) return at as NodeJS.ErrnoException;
  return {};
}
