import { RunlogError, type RunlogErrorCode } from "../../ports/errors.ts";
import type { SessionKey } from "../../ports/log-store.ts";
import { EXIT, type ExitCode } from "../exit.ts";
import type { Report } from "./report.ts";
import { nameOf } from "./selection.ts";

/** What was done to a session: a line for people, and facts for programs. */
export interface Done {
  readonly text: string;
  readonly facts: object;
}

/**
 * Does something to one session after the other. One that cannot be done is reported and passed over;
 * what concerns them all (no right, no room, no answer) ends the whole.
 */
export async function eachSession(
  keys: AsyncIterable<SessionKey>,
  report: Report,
  operation: (key: SessionKey) => Promise<Done>,
): Promise<ExitCode> {
  let done = 0;
  let failed = 0;
  let damaged = 0;
  for await (const key of keys) {
    try {
      const { text, facts } = await operation(key);
      report.line(`${nameOf(key)}  ${text}`, { ...key, ...facts });
      done++;
    } catch (error) {
      if (!(error instanceof RunlogError)) throw error;
      const { code, message } = error;
      if (FOR_ALL.has(code)) throw error;
      report.line(`${nameOf(key)}  NOT DONE: ${message}`, {
        ...key,
        result: "failed",
        code,
        message,
      });
      failed++;
      if (code === "archive-damaged") damaged++;
    }
  }
  if (done + failed === 0) report.note("No session was selected");
  if (damaged > 0) return EXIT.damaged;
  if (failed === 0) return EXIT.done;
  return done === 0 ? EXIT.failed : EXIT.incomplete;
}

const FOR_ALL: ReadonlySet<RunlogErrorCode> = new Set<RunlogErrorCode>([
  "archive-not-configured",
  "token-invalid",
  "store-closed",
  "store-full",
  "store-failed",
  "store-unanswered",
]);
