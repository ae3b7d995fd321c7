import type { LogGrowth } from "../../src/ports/live-feed.ts";
import { isLogId } from "../../src/ports/log-id.ts";
import type { SessionKey } from "../../src/ports/log-store.ts";
import { labelOf } from "../../src/stream/text/dns-label.ts";

const DELETED = "-";
/** A log's id, a space and an end: more is no message of ours. */
const MAX_BYTES = 40;

/**
 * The subject of a session: `<prefix>.<project>.<session>`, names as their labels, which hold nothing
 * that means something in a subject.
 */
export function subjectOf(prefix: string, { project, session }: SessionKey): string {
  return `${prefix}.${labelOf(project)}.${labelOf(session)}`;
}

/** A position as it is sent: `<logId> <end>`, for a deleted session `- 0`. */
export function encodePosition({ logId, end }: Pick<LogGrowth, "logId" | "end">): string {
  return `${logId ?? DELETED} ${end}`;
}

/** The position in a message about `key`, or null for anything else. */
export function decodePosition(key: SessionKey, bytes: Uint8Array): LogGrowth | null {
  if (bytes.length > MAX_BYTES) return null;
  const [, log = "", digits = ""] =
    /^(\S+) (0|[1-9]\d*)$/.exec(new TextDecoder().decode(bytes)) ?? [];
  const end = Number(digits);
  const { project, session } = key;
  if (log === DELETED) return digits === "0" ? { project, session, logId: null, end } : null;
  return isLogId(log) && Number.isSafeInteger(end) ? { project, session, logId: log, end } : null;
}
