import {
  elementScroll,
  observeElementOffset,
  observeElementRect,
  Virtualizer,
  type VirtualizerOptions,
} from "@tanstack/virtual-core";
import type { RefObject } from "preact";
import { useLayoutEffect, useReducer, useState } from "preact/hooks";

export interface VirtualRows {
  readonly count: number;
  /** What a row is known by when others come or go before it: it stays where it is on the screen. */
  readonly keyOf: (index: number) => string;
  /** The height of every row in pixels. */
  readonly rowPixels: number;
  /** Whether a list that is scrolled to its end stays there when rows come. */
  readonly isFollowing: boolean;
}

const OVERSCAN = 10;

/** Which rows of a long list are to be drawn, by how its element is scrolled. */
export function useVirtualRows(
  scroller: RefObject<HTMLElement | null>,
  { count, keyOf, rowPixels, isFollowing }: VirtualRows,
): Virtualizer<HTMLElement, HTMLElement> {
  const [, redraw] = useReducer<number, null>((times) => times + 1, 0);
  const options: VirtualizerOptions<HTMLElement, HTMLElement> = {
    count,
    getScrollElement: () => scroller.current,
    estimateSize: () => rowPixels,
    getItemKey: keyOf,
    overscan: OVERSCAN,
    anchorTo: "end",
    followOnAppend: isFollowing,
    scrollEndThreshold: rowPixels,
    observeElementRect,
    observeElementOffset,
    scrollToFn: elementScroll,
    onChange: () => redraw(null),
  };
  const [rows] = useState(() => new Virtualizer(options));
  rows.setOptions(options);
  useLayoutEffect(() => rows._didMount(), [rows]);
  useLayoutEffect(() => rows._willUpdate());
  return rows;
}
