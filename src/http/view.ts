import type { Context } from "hono";
import type { StreamView } from "../core/profile/viewing.ts";
import type { HistoryView } from "../core/replay/resume-point.ts";
import { RunlogError } from "../ports/errors.ts";

/** The view of finished runs in `?view=`. Throws `invalid-input` for an unknown one. */
export function viewOf(c: Context): HistoryView {
  const view = c.req.query("view");
  if (view === undefined) return "condensed";
  if (view !== "raw") throw new RunlogError("invalid-input", "Invalid view: raw, or none");
  return view;
}

/** As `viewOf`, for streams, which may also begin with a snapshot. */
export function streamViewOf(c: Context): StreamView {
  const view = c.req.query("view");
  if (view === undefined) return "condensed";
  if (view !== "raw" && view !== "snapshot")
    throw new RunlogError("invalid-input", "Invalid view: raw, snapshot, or none");
  return view;
}
