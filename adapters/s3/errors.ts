import { RunlogError } from "../../src/ports/errors.ts";

/** What the SDK throws, as far as it is looked at. */
interface ServiceError {
  readonly name?: string;
  readonly code?: string;
  readonly message?: string;
  readonly $metadata?: { readonly httpStatusCode?: number };
}

/** Answers that say that nothing was done and that trying again may help. */
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
const TEXTS: Readonly<Record<string, string>> = {
  NoSuchBucket: "The bucket does not exist; RUNLOG_S3_CREATE_BUCKET=1 makes it",
  AccessDenied: "The object store denies access to the bucket",
  Unauthorized: "The object store does not accept the credentials",
  InvalidAccessKeyId: "The object store does not know the access key",
  SignatureDoesNotMatch: "The secret key does not belong to the access key",
  CredentialsProviderError: "There are no credentials for the object store: AWS_ACCESS_KEY_ID, …",
};

/** The HTTP status of what the SDK has thrown, or null if there was no answer. */
export function statusOf(error: unknown): number | null {
  return asService(error).$metadata?.httpStatusCode ?? null;
}

/** Whether the answer was that there is no such object; a missing bucket is something else. */
export function isMissing(error: unknown): boolean {
  const { name } = asService(error);
  return name === "NoSuchKey" || name === "NotFound";
}

/** What the SDK has thrown, in the words of the port. */
export function s3Error(cause: unknown): unknown {
  if (cause instanceof RunlogError) return cause;
  const { name = "", code = "" } = asService(cause);
  const status = statusOf(cause);
  const text = TEXTS[name];
  if (text !== undefined) return new RunlogError("store-failed", text, { cause });
  if (NOT_CONNECTED.has(code))
    return new RunlogError("store-busy", "The object store cannot be reached", { cause });
  if (status === null || status < 400 || status === 408 || name === "RequestTimeout")
    return noAnswer(cause);
  if (BUSY_STATUS.has(status) || BUSY_NAMES.has(name))
    return new RunlogError("store-busy", "The object store is busy", { cause });
  // 501 says that the store has no such thing, and never will have
  if (status >= 500 && status !== NOT_IMPLEMENTED) return noAnswer(cause);
  return new RunlogError("store-failed", `The object store refuses: ${name || status}`, { cause });
}

/** There was no answer, or one that says nothing of what was done. */
export function noAnswer(cause: unknown): RunlogError {
  return new RunlogError("store-unanswered", "The object store does not answer", { cause });
}

/** For `catch`: throws on in the words of the port. */
export function throwS3Error(cause: unknown): never {
  throw s3Error(cause);
}

function asService(error: unknown): ServiceError {
  return typeof error === "object" && error !== null ? error : {};
}
