import type { AgUiEvent } from "../../client/index.ts";
import { shortJson, shortText } from "../json/short-json.ts";

/** What a list keeps of an event: what its row shows. The event itself is asked for when the row is opened. */
export interface EventRow {
  readonly cursor: string;
  readonly type: string;
  /** Its `timestamp` in epoch ms, or when it arrived; null where neither is known. */
  readonly timeMs: number | null;
  /** Its members on one line, at most some 300 characters. */
  readonly summary: string;
}

const TYPE_CHARS = 100;
const MEMBER_CHARS = 160;
const SUMMARY_CHARS = 300;
/** Not worth a place in the row: they are in columns of their own, or in every event alike. */
const LEFT_OUT: ReadonlySet<string> = new Set(["type", "timestamp", "rawEvent"]);
/** What one looks for in an event; it comes before its ids. */
const FIRST: readonly string[] = ["delta", "toolCallName", "name", "message", "content", "value"];

/** The row of an event, which arrived at that time in epoch ms, if that is known. */
export function eventRow(
  event: AgUiEvent,
  cursor: string,
  arrivedMs: number | null = null,
): EventRow {
  return {
    cursor,
    type: typeof event.type === "string" ? shortText(event.type, TYPE_CHARS) : "",
    timeMs: timeOf(event) ?? arrivedMs,
    summary: summaryOf(event),
  };
}

/** The `timestamp` of an event in epoch ms; null where it has none that is a time. */
export function timeOf({ timestamp }: AgUiEvent): number | null {
  return typeof timestamp === "number" && Math.abs(timestamp) <= MAX_TIME_MS ? timestamp : null;
}

/** The furthest that a Date reaches. */
const MAX_TIME_MS = 8.64e15;

function summaryOf(event: AgUiEvent): string {
  const names = [
    ...FIRST.filter((name) => Object.hasOwn(event, name)),
    ...Object.keys(event).filter((name) => !LEFT_OUT.has(name) && !FIRST.includes(name)),
  ];
  let text = "";
  for (const name of names) {
    if (text.length >= SUMMARY_CHARS) break;
    text += `${text === "" ? "" : "  "}${shortText(name, MEMBER_CHARS)}: ${shortJson(event[name], MEMBER_CHARS)}`;
  }
  return shortText(text, SUMMARY_CHARS);
}
