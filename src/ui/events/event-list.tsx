import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { clock } from "../format/format.ts";
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
  readonly onView?: (view: ListView) => void;
}

/** What of a list is in view. */
export interface ListView {
  readonly first: number;
  readonly last: number;
  readonly isAtEnd: boolean;
  /** Whether its reader has scrolled away from the end. */
  readonly isLeft: boolean;
}

const ROW_PIXELS = 26;

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
  /** Whether its reader has moved it since it was at its end: rows that come move it as well. */
  const isMoved = useRef(false);
  useEffect(() => {
    const isAtEnd = virtual.isAtEnd();
    isMoved.current &&= !isAtEnd;
    onView?.({ first, last, isAtEnd, isLeft: isMoved.current });
  }, [first, last, rows, virtual.scrollOffset]);
  const onMoved = (): void => {
    isMoved.current = true;
  };

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
      onWheel={onMoved}
      onTouchMove={onMoved}
      onPointerDown={onMoved}
      onKeyDown={(event) => {
        onMoved();
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
                <span class="event-time">{row.timeMs === null ? "" : clock(row.timeMs)}</span>
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
  if (type.endsWith("_ERROR")) return "is-error";
  if (type.startsWith("RUN_")) return "is-run";
  if (type.startsWith("TOOL_")) return "is-tool";
  return type.startsWith("STATE_") ? "is-state" : "";
}
