import { RunlogError } from "../../src/ports/errors.ts";

/** The part of the SDK's errors that is used. */
interface ServiceError {
  readonly name?: string;
  readonly code?: string;
  readonly message?: string;
  readonly errors?: readonly unknown[];
  readonly $metadata?: { readonly httpStatusCode?: number };
}

/** Translates what the SDK throws when it asks for one bucket. */
export interface S3Errors {
  /** Where the bucket is, for people. */
  readonly place: string;
  /** What the SDK has thrown, in the words of the port. */
  readonly of: (cause: unknown) => unknown;
  /** There was no answer, or one that leaves open what was done. */
  readonly noAnswer: (cause: unknown) => RunlogError;
  /** For `catch`: throws on in the words of the port. */
  readonly throwOn: (cause: unknown) => never;
}

/** Statuses with which nothing was done and trying again may help. */
const BUSY_STATUS: ReadonlySet<number> = new Set([409, 429, 503]);
const BUSY_NAMES: ReadonlySet<string> = new Set(["SlowDown", "ServiceUnavailable", "Throttling"]);
const NOT_IMPLEMENTED = 501;
/** No connection was made: nothing was asked for. */
const NOT_CONNECTED: ReadonlySet<string> = new Set([
  "ECONNREFUSED",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EHOSTUNREACH",
]);
const LOOK_AT_ENDPOINT = "is it running, and is AWS_ENDPOINT_URL_S3 right?";
/** What to do about a refusal, by its name. */
const ADVICE: Readonly<Record<string, string>> = {
  NoSuchBucket: "make the bucket, or set RUNLOG_S3_CREATE_BUCKET=1",
  AccessDenied: "the key needs the rights to list, read, write and delete there",
  Forbidden: "the key needs the rights to list, read, write and delete there",
  Unauthorized: "look at the credentials: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
  InvalidAccessKeyId: "it does not know the access key: look at AWS_ACCESS_KEY_ID",
  SignatureDoesNotMatch:
    "the secret key does not belong to the access key: look at AWS_SECRET_ACCESS_KEY",
  RequestTimeTooSkewed: "set this machine's clock",
  PermanentRedirect: "the bucket is in another region: look at AWS_REGION",
  AuthorizationHeaderMalformed: "the bucket is in another region: look at AWS_REGION",
};
const NO_CREDENTIALS = "CredentialsProviderError";
const DETAIL_CHARS = 200;

/** The HTTP status of what the SDK has thrown, or null if there was no answer. */
export function statusOf(error: unknown): number | null {
  return asService(error).$metadata?.httpStatusCode ?? null;
}

/** Whether the answer was that there is no such object; a missing bucket is something else. */
export function isMissing(error: unknown): boolean {
  const { name } = asService(error);
  return name === "NoSuchKey" || name === "NotFound";
}

/** `endpoint` is null for Amazon's own. */
export function createS3Errors(bucket: string, endpoint: string | null): S3Errors {
  const where = endpoint === null ? "of Amazon S3" : `at ${endpoint}`;
  const place = `the object store ${where}, bucket ${bucket}`;

  function noAnswer(cause: unknown): RunlogError {
    const text = `No answer from ${place} (${detailOf(cause)}): ${LOOK_AT_ENDPOINT}`;
    return new RunlogError("store-unanswered", text, { cause });
  }

  function of(cause: unknown): unknown {
    if (cause instanceof RunlogError) return cause;
    const { name = "", code = "" } = asService(cause);
    const status = statusOf(cause);
    const detail = detailOf(cause);
    if (name === NO_CREDENTIALS)
      return new RunlogError(
        "store-failed",
        `There are no credentials for ${place}: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or what else the AWS SDK reads`,
        { cause },
      );
    if (ADVICE[name] !== undefined) return refused(place, detail, ADVICE[name], cause);
    if (NOT_CONNECTED.has(code)) {
      const text = `Cannot reach ${place} (${detail}): ${LOOK_AT_ENDPOINT}`;
      return new RunlogError("store-busy", text, { cause });
    }
    if (status === null || status < 400 || status === 408 || name === "RequestTimeout")
      return noAnswer(cause);
    if (BUSY_STATUS.has(status) || BUSY_NAMES.has(name)) {
      const text = `Try later: ${place} is busy (${detail})`;
      return new RunlogError("store-busy", text, { cause });
    }
    // 501: the store has no such operation, and never will have
    if (status >= 500 && status !== NOT_IMPLEMENTED) return noAnswer(cause);
    return refused(place, detail, "is that an S3 endpoint, and the bucket's name right?", cause);
  }

  return {
    place,
    of,
    noAnswer,
    throwOn(cause) {
      throw of(cause);
    },
  };
}

function refused(place: string, detail: string, advice: string, cause: unknown): RunlogError {
  const text = `Refused by ${place} (${detail}): ${advice}`;
  return new RunlogError("store-failed", text, { cause });
}

/**
 * The known facts of an error in a few words: the status, the store's code for it, the system's
 * text.
 */
function detailOf(error: unknown): string {
  const { name = "", code = "", message = "", errors = [] } = asService(error);
  const status = statusOf(error);
  // several addresses were tried: all failed as the first did
  const text = message === "" && errors.length > 0 ? (asService(errors[0]).message ?? "") : message;
  const firstLine = text.split("\n", 1)[0]?.trim() ?? "";
  const word = name === "Error" || name === "" ? code : name;
  const parts = [
    status === null ? "" : `HTTP ${status}`,
    firstLine.includes(word) ? "" : word,
    firstLine.slice(0, DETAIL_CHARS),
  ];
  return parts.filter((part) => part !== "").join(" ") || "no reason was given";
}

function asService(error: unknown): ServiceError {
  return typeof error === "object" && error !== null ? error : {};
}
