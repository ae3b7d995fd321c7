import type { AgUiEvent } from "../../client/index.ts";
import { timeOf } from "../events/event-row.ts";
import { shortText } from "../json/short-json.ts";

/** A tool call within its run. */
export interface ToolBar {
  readonly id: string;
  readonly name: string;
  /** Where it begins and ends, 0 to 1 of the run: by time where the events have one, else by their count. */
  readonly from: number;
  readonly to: number;
  /** The cursor after the event that begins it. */
  readonly cursor: string;
  /** Whether its result has come. */
  readonly isAnswered: boolean;
}

type OpenBar = { -readonly [Member in keyof ToolBar]: ToolBar[Member] };

const NAME_CHARS = 80;

/** The tool calls among the events of a run, of which `cursors` are those after each. */
export function toolBars(
  events: readonly AgUiEvent[],
  cursors: readonly string[],
): readonly ToolBar[] {
  const places = placesOf(events);
  const bars = new Map<string, OpenBar>();
  for (const [index, event] of events.entries()) {
    const id = event["toolCallId"];
    if (typeof id !== "string") continue;
    const at = places[index] ?? 0;
    const bar = bars.get(id);
    if (!bar) {
      const name = event["toolCallName"];
      if (typeof name !== "string") continue;
      const cursor = cursors[index] ?? "";
      const isAnswered = false;
      bars.set(id, { id, name: shortText(name, NAME_CHARS), from: at, to: at, cursor, isAnswered });
    } else {
      bar.to = Math.max(bar.to, at);
      bar.isAnswered ||= event.type === "TOOL_CALL_RESULT";
    }
  }
  return [...bars.values()];
}

/** Where each event lies, 0 to 1. */
function placesOf(events: readonly AgUiEvent[]): readonly number[] {
  const times = events.map(timeOf);
  const first = times.find((time) => time !== null) ?? null;
  const last = times.findLast((time) => time !== null) ?? null;
  const byCount = (index: number): number => (index + 1) / events.length;
  if (first === null || last === null || last <= first)
    return events.map((_, index) => byCount(index));
  let latest = 0;
  return times.map((time) => {
    if (time !== null) latest = Math.min(1, Math.max(0, (time - first) / (last - first)));
    return latest;
  });
}
