import { isLogId } from "../../ports/log-id.ts";

/** A log that cursors point into: the raw one, or one generation of the compact one. */
export type LogPlace =
  | { readonly log: "raw"; readonly logId: string }
  | { readonly log: "compact"; readonly logId: string; readonly generation: number };

/**
 * A position after an event (PROTOCOL 3). Opaque on the wire: `<logId>-r<offset>`,
 * `<logId>-c<generation>.<offset>`.
 */
export type Cursor = LogPlace & { readonly offset: number };

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

/** Number of a frame that is not the last of its position, after the cursor. */
const FRAME_NUMBER = /\.[1-9]\d{0,8}$/;

/**
 * The position in the id of a frame of the standard profile, which is a cursor, or a cursor and the
 * frame's number (`<cursor>.<number>`); null if it is neither.
 */
export function cursorOfFrame(id: string): Cursor | null {
  return parseCursor(id) ?? parseCursor(id.replace(FRAME_NUMBER, ""));
}

/** The cursor as it goes over the wire. */
export function formatCursor(cursor: Cursor): string {
  return `${cursorPrefix(cursor)}${cursor.offset}`;
}

/** What stands before the offset in every cursor of a log. */
export function cursorPrefix(place: LogPlace): string {
  return place.log === "raw" ? `${place.logId}-r` : `${place.logId}-c${place.generation}.`;
}
