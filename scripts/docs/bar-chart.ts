import { formatNumber } from "../bench/row.ts";
import { COLOURS, element, picture, round, text, WIDTH } from "./svg.ts";

export interface Bar {
  readonly label: string;
  readonly value: number;
  /** The line to meet, drawn across the bar. */
  readonly limit?: number;
}

export interface BarChartOptions {
  readonly title: string;
  readonly unit: string;
  readonly bars: readonly Bar[];
}

const LEFT = 150;
const RIGHT = WIDTH - 120;
const TOP = 48;
const BAR = { height: 18, step: 32 } as const;

/** Horizontal bars from 0 on, with their values, and the limits that they have. */
export function barChart({ title, unit, bars }: BarChartOptions): string {
  const most = Math.max(...bars.flatMap(({ value, limit = 0 }) => [value, limit]));
  const width = (value: number): number => round((value / most) * (RIGHT - LEFT));
  return picture(
    title,
    TOP + bars.length * BAR.step + 12,
    bars.flatMap(({ label, value, limit }, index) => {
      const y = TOP + index * BAR.step;
      return [
        text(LEFT - 8, y + 14, label, { "text-anchor": "end" }),
        element("rect", { x: LEFT, y, width: width(value), height: BAR.height, fill: COLOURS[0] }),
        text(LEFT + width(value) + 8, y + 14, `${formatNumber(value)} ${unit}`),
        ...(limit === undefined
          ? []
          : [
              element("rect", {
                x: round(LEFT + width(limit)) - 1,
                y: y - 3,
                width: 2,
                height: BAR.height + 6,
                fill: COLOURS[1],
              }),
            ]),
      ];
    }),
  );
}
