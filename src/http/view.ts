import type { Context } from "hono";
import type { HistoryView } from "../core/replay.ts";
import { RunlogError } from "../ports/errors.ts";

/** How `?view=` wants finished runs. Throws `invalid-input` for what is no view. */
export function viewOf(c: Context): HistoryView {
  const view = c.req.query("view");
  if (view === undefined) return "condensed";
  if (view !== "raw") throw new RunlogError("invalid-input", "Invalid view");
  return view;
}
