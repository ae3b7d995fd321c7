import { RunlogError, hasCode } from "../../src/ports/errors.ts";

/** Why the API server refused: its `Status.reason`. `Unanswered`: no answer in time. */
export type FailureReason =
  | "Unauthorized"
  | "Forbidden"
  | "NotFound"
  | "AlreadyExists"
  | "Conflict"
  | "Expired"
  | "Gone"
  | "TooLarge"
  | "Unanswered"
  | "Other";

const REASONS: ReadonlySet<string> = new Set<FailureReason>([
  "Unauthorized",
  "Forbidden",
  "NotFound",
  "AlreadyExists",
  "Conflict",
  "Expired",
  "Gone",
]);

function isOwnWord(reason: string): reason is FailureReason {
  return REASONS.has(reason);
}

const REASON_OF_STATUS: Readonly<Record<number, FailureReason>> = {
  401: "Unauthorized",
  403: "Forbidden",
  404: "NotFound",
  409: "Conflict",
  410: "Gone",
  413: "TooLarge",
};

/** The reason in an answer with an error status, or in an ERROR event. */
export interface Refusal {
  readonly code?: number;
  readonly reason?: string;
  readonly message?: string;
}

/** Why the API server refused. Its own word counts more than the status of the answer. */
export function reasonOf({ code = 0, reason = "", message = "" }: Refusal): FailureReason {
  if (isOwnWord(reason)) return reason;
  // an object within the API server's limit may exceed that of its store
  if (message.includes("etcdserver: request is too large")) return "TooLarge";
  return REASON_OF_STATUS[code] ?? "Other";
}

interface FailureFacts {
  readonly isCaller: boolean;
  readonly status?: number;
  /** What was asked for, such as `GET https://10.96.0.1/api/v1/pods`: for people at the server. */
  readonly asked?: string;
  readonly cause?: unknown;
}

/**
 * The one translation of the API server's refusals. A caller's request may end with `token-invalid`
 * and `access-denied`; a refusal of runlog's own account is `platform-failed`.
 */
export function apiFailure(
  reason: FailureReason,
  { isCaller, status = 0, asked, cause }: FailureFacts,
): RunlogError {
  const facts = { reason, status, cause };
  if (isCaller && reason === "Unauthorized")
    return new RunlogError("token-invalid", "Token expired or invalid", facts);
  if (isCaller && reason === "Forbidden")
    return new RunlogError("access-denied", "Unauthorized", facts);
  const what = [asked, status > 0 && `HTTP ${status}`].filter(Boolean).join(", ");
  const text = what === "" ? TEXTS[reason] : `${TEXTS[reason]} (${what})`;
  return new RunlogError("platform-failed", text, facts);
}

const TEXTS: Readonly<Record<FailureReason, string>> = {
  Unauthorized:
    "The API server does not accept runlog's own account: look at its token, or at KUBECONFIG",
  Forbidden:
    "The API server refuses this to runlog's own account: look at its role, as in rbac.yaml",
  NotFound: "The API server does not know the resource",
  AlreadyExists: "The resource is there already",
  Conflict: "The resource was changed meanwhile",
  Expired: "The position in the list has expired",
  Gone: "The position in the list has expired",
  TooLarge: "The resource is too large",
  Unanswered: "The API server did not answer: is it reached from here?",
  Other: "The API server failed",
};

/** Whether `error` comes from the API server and has one of these reasons. */
export function isRefusal(error: unknown, ...reasons: FailureReason[]): error is RunlogError {
  return (
    hasCode(error, "platform-failed", "token-invalid", "access-denied") &&
    reasons.some((reason) => reason === error.facts["reason"])
  );
}

/** What was asked for, or null where the API server refused for one of these reasons. */
export async function orNull<T>(
  answer: Promise<T>,
  ...reasons: FailureReason[]
): Promise<T | null> {
  try {
    return await answer;
  } catch (error) {
    if (isRefusal(error, ...reasons)) return null;
    throw error;
  }
}
