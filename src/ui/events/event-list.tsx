import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { timeText } from "../components/time-text.ts";
import type { EventRow } from "./event-row.ts";
import { useVirtualRows } from "./use-virtual-rows.ts";

export interface EventListProps {
  readonly label: string;
  readonly rows: readonly EventRow[];
  /** Another one shows rows that have nothing to do with those before. */
  readonly place: number;
  /** Where the list is scrolled to for a new place: to a row, or to its end. */
  readonly scrollTo: number | "end";
  readonly isFollowing: boolean;
  /** The cursor of the row that is chosen. */
  readonly chosen: string | null;
  readonly onChoose: (cursor: string) => void;
  /** Which rows are in view, and whether the list is at its end. */
  readonly onView?: (first: number, last: number, isAtEnd: boolean) => void;
}

export const ROW_PIXELS = 26;

/** Rows of events, of which those in view are drawn. One is chosen by the arrow keys, or by a click. */
export function EventList(props: EventListProps) {
  const { label, rows, place, scrollTo, isFollowing, chosen, onChoose, onView } = props;
  const scroller = useRef<HTMLDivElement>(null);
  const virtual = useVirtualRows(scroller, {
    count: rows.length,
    keyOf: (index) => rows[index]?.cursor ?? "",
    rowPixels: ROW_PIXELS,
    isFollowing,
  });
  const items = virtual.getVirtualItems();
  const [first, last] = [virtual.range?.startIndex ?? 0, virtual.range?.endIndex ?? 0];
  useLayoutEffect(() => {
    if (scrollTo === "end") virtual.scrollToEnd();
    else virtual.scrollToIndex(scrollTo, { align: scrollTo === 0 ? "start" : "center" });
  }, [place, virtual]);
  useEffect(
    () => onView?.(first, last, virtual.isAtEnd()),
    [first, last, rows, virtual.scrollOffset],
  );

  const move = (by: number): void => {
    const from = rows.findIndex(({ cursor }) => cursor === chosen);
    const to = Math.min(rows.length - 1, Math.max(0, from === -1 ? first : from + by));
    const row = rows[to];
    if (!row) return;
    virtual.scrollToIndex(to, { align: "auto" });
    onChoose(row.cursor);
  };
  const isDrawn = items.some(({ index }) => rows[index]?.cursor === chosen);
  return (
    <div
      ref={scroller}
      class="event-list"
      role="listbox"
      aria-label={label}
      tabIndex={0}
      aria-activedescendant={isDrawn ? `event-${chosen}` : undefined}
      onKeyDown={(event) => {
        const by = KEYS.get(event.key);
        if (by === undefined) return;
        event.preventDefault();
        move(by);
      }}
    >
      <div role="presentation" style={{ height: `${virtual.getTotalSize()}px` }}>
        {items.map(({ index, start, key }) => {
          const row = rows[index];
          return (
            row && (
              <div
                key={key}
                id={`event-${row.cursor}`}
                class={`event-row ${kindOf(row.type)}`}
                role="option"
                aria-selected={row.cursor === chosen}
                style={{ transform: `translateY(${start}px)` }}
                onClick={() => onChoose(row.cursor)}
              >
                <span class="event-cursor" title={row.cursor}>
                  {row.cursor.slice(-CURSOR_CHARS)}
                </span>
                <span class="event-time">{row.timeMs === null ? "" : timeText(row.timeMs)}</span>
                <span class="event-type">{row.type}</span>
                <bdi class="event-summary">{row.summary}</bdi>
              </div>
            )
          );
        })}
      </div>
    </div>
  );
}

const CURSOR_CHARS = 12;
const PAGE_ROWS = 20;
const KEYS: ReadonlyMap<string, number> = new Map([
  ["ArrowUp", -1],
  ["ArrowDown", 1],
  ["PageUp", -PAGE_ROWS],
  ["PageDown", PAGE_ROWS],
]);

/** What its colour says: of whom or of what the event is. */
function kindOf(type: string): string {
  if (type.endsWith("_ERROR")) return "error";
  if (type.startsWith("RUN_")) return "run";
  if (type.startsWith("TOOL_")) return "tool";
  return type.startsWith("STATE_") ? "state" : "";
}
