import type { RunlogError } from "../../ports/errors.ts";
import {
  LOST_RUN,
  NO_AGENT,
  NOT_STORED,
  type RunEnd,
  UNFINISHED,
  UNREACHED,
} from "../model/run-end-reasons.ts";

/**
 * How a run ends whose runner or store has failed; the message contains nothing but what the runner
 * sent.
 */
export function endOfFailure({ code, facts }: RunlogError): RunEnd {
  switch (code) {
    case "platform-failed":
      return UNREACHED;
    case "agent-not-configured":
      return NO_AGENT;
    case "runner-unreachable":
      return facts["isNameUnknown"] === true ? NAME_UNKNOWN : UNREACHED;
    case "runner-address-unfit":
      return PORT_REFUSED;
    case "runner-refused": {
      const { status, redirect } = facts;
      const where = typeof redirect === "string" ? `, a redirect to ${redirect}` : "";
      const message = `Runner error: HTTP ${Number(status)}${where}`;
      return { message, code: `runner-http-${Number(status)}` };
    }
    case "runner-not-an-event-stream": {
      const message = `Runner answered ${String(facts["contentType"])} instead of an event stream`;
      return { message, code };
    }
    case "runner-disconnected": {
      const { waitedMs, isLost } = facts;
      if (isLost === true) return LOST_RUN;
      if (typeof waitedMs !== "number") return UNFINISHED;
      return { ...UNFINISHED, message: `Runner did not answer within ${waitedMs / 1_000} s` };
    }
    default:
      return NOT_STORED;
  }
}

/**
 * Whether the runner could not be reached, or was lost: the end of its pod may be a better reason.
 */
export function isLostRunner({ code }: RunEnd): boolean {
  return LOST.has(code);
}

const NAME_UNKNOWN: RunEnd = {
  message: "Runner is not available: its host name does not resolve",
  code: "runner-unreachable",
};
const PORT_REFUSED: RunEnd = {
  message: "Runner is not available: nothing is ever asked at the port of its address",
  code: "runner-unreachable",
};
const LOST: ReadonlySet<string> = new Set([
  UNREACHED.code,
  UNFINISHED.code,
  NAME_UNKNOWN.code,
] satisfies RunEnd["code"][]);
