import { RunlogError } from "./errors.ts";
import { isLogId } from "./log-id.ts";
import {
  type CreateOptions,
  MAX_DOCUMENT_BYTES,
  MAX_HEAD_BYTES,
  MAX_MARK_CHARS,
  type ReadOptions,
} from "./log-store.ts";
import { documentNaming } from "./naming-document.ts";

/** A session's name as implementations of `LogStore` need it (`labelled` in `stream/text`). */
export interface LabelledName {
  readonly name: string;
  /** Whether it can be read from the label that stands for it. */
  readonly isReadable: boolean;
}

/** What a log begins with; copies that nobody else has. */
export interface FirstValues {
  /** Default: a new one. */
  readonly logId?: string;
  readonly head: Uint8Array | null;
  /** It says the session's name if that cannot be read from its label. */
  readonly document: Uint8Array | null;
}

/**
 * What a log is made with. Throws `invalid-input` for a logId of another form, and as `checkHead`
 * and `checkDocument`.
 */
export function firstValues(
  session: LabelledName,
  { logId, head = null, document = null }: CreateOptions = {},
): FirstValues {
  if (logId !== undefined && !isLogId(logId))
    throw new RunlogError("invalid-input", "This is no id of a log");
  if (head) checkHead(head);
  if (document) checkDocument(session, document);
  const named = document ?? (session.isReadable ? null : documentNaming(session.name, null));
  return {
    ...(logId !== undefined && { logId }),
    head: head && head.slice(),
    document: named && named.slice(),
  };
}

/** Throws `head-too-large`. */
export function checkHead(head: Uint8Array): void {
  if (head.length > MAX_HEAD_BYTES)
    throw new RunlogError("head-too-large", "A head holds at most 64 KiB");
}

/**
 * Throws `document-too-large`, and `invalid-input` for one that does not say the session's name and
 * has to.
 */
export function checkDocument({ name, isReadable }: LabelledName, document: Uint8Array): void {
  if (document.length > MAX_DOCUMENT_BYTES)
    throw new RunlogError("document-too-large", "A document holds at most 256 KiB");
  if (!isReadable) documentNaming(name, document);
}

/** Throws `invalid-input` if the data of an open-run mark are too long. */
export function checkMarkData(data: string): void {
  if (data.length > MAX_MARK_CHARS)
    throw new RunlogError("invalid-input", "The data of an open-run mark is too long");
}

/** The bytes that a read of a log with so many bytes is for. Throws `log-range`. */
export function rangeWithin(
  size: number,
  { start = 0, end = size }: Pick<ReadOptions, "start" | "end">,
): { readonly start: number; readonly end: number } {
  const isWhole = Number.isSafeInteger(start) && Number.isSafeInteger(end);
  if (isWhole && start >= 0 && start <= end && end <= size) return { start, end };
  throw new RunlogError("log-range", "The range lies outside the log");
}
