import { isLogId } from "../ports/log-id.ts";

/**
 * A position behind an event (PROTOCOL.md, Cursors): in the raw log, or in one generation of the
 * compact log. Opaque on the wire: `<logId>-r<offset>`, `<logId>-c<generation>.<offset>`.
 */
export type Cursor =
  | { readonly log: "raw"; readonly logId: string; readonly offset: number }
  | {
      readonly log: "compact";
      readonly logId: string;
      readonly generation: number;
      readonly offset: number;
    };

const FORM = /^([a-z0-9]{16})-(?:r(\d{1,15})|c(\d{1,9})\.(\d{1,15}))$/;

/** The cursor in `text`, or null if it is none. Leading zeros are no cursor: one text a position. */
export function parseCursor(text: string): Cursor | null {
  const match = FORM.exec(text);
  const [, logId = "", raw, generation, compact] = match ?? [];
  if (!isLogId(logId)) return null;
  const cursor: Cursor =
    raw === undefined
      ? { log: "compact", logId, generation: Number(generation), offset: Number(compact) }
      : { log: "raw", logId, offset: Number(raw) };
  return formatCursor(cursor) === text ? cursor : null;
}

/** The cursor as it goes over the wire. */
export function formatCursor(cursor: Cursor): string {
  return cursor.log === "raw"
    ? `${rawCursorPrefix(cursor.logId)}${cursor.offset}`
    : `${cursor.logId}-c${cursor.generation}.${cursor.offset}`;
}

/** What stands before the offset in every cursor of a raw log. */
export function rawCursorPrefix(logId: string): string {
  return `${logId}-r`;
}
