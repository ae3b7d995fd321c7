import { isLabel } from "./label.ts";
import { isLogId } from "./log-id.ts";
import { MAX_MARK_CHARS, type OpenRunMark } from "./log-store.ts";
import { isSessionName } from "./session-name.ts";

/** Most bytes that an encoded mark can have: its data and a run id, every character escaped. */
export const MAX_MARK_BYTES: number = 64 * 1024;

/** A mark as text. */
export function encodeOpenRunMark({ project, session, logId, runId, data }: OpenRunMark): string {
  return JSON.stringify({ project, session, logId, runId, data });
}

/**
 * The mark that `encodeOpenRunMark` encoded, or null for any other text, since a disk may hold
 * anything.
 */
export function decodeOpenRunMark(text: string): OpenRunMark | null {
  try {
    const value: unknown = JSON.parse(text);
    return isMark(value) ? value : null;
  } catch {
    return null;
  }
}

function isMark(value: unknown): value is OpenRunMark {
  if (typeof value !== "object" || value === null) return false;
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- each member is looked at
  const { project, session, logId, runId, data } = value as Record<keyof OpenRunMark, unknown>;
  const isText = [project, session, logId, runId, data].every((part) => typeof part === "string");
  return (
    isText &&
    isLabel(String(project)) &&
    isSessionName(String(session)) &&
    isLogId(String(logId)) &&
    String(data).length <= MAX_MARK_CHARS
  );
}
