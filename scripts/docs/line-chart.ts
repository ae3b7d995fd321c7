import { formatNumber } from "../bench/row.ts";
import { COLOURS, element, picture, round, text, WIDTH } from "./svg.ts";

export interface Series {
  readonly name: string;
  /** Pairs of x and y, both above 0. */
  readonly points: readonly (readonly [number, number])[];
}

export interface LineChartOptions {
  readonly title: string;
  readonly xLabel: string;
  readonly yLabel: string;
  readonly series: readonly Series[];
}

const HEIGHT = 320;
const PLOT = { left: 64, right: WIDTH - 140, top: 48, bottom: HEIGHT - 48 } as const;

/** A chart with logarithmic axes: what grows in proportion is a straight line, what does not is flat. */
export function lineChart({ title, xLabel, yLabel, series }: LineChartOptions): string {
  const points = series.flatMap((one) => one.points);
  const x = logScale(
    points.map(([value]) => value),
    PLOT.left,
    PLOT.right,
  );
  const y = logScale(
    points.map(([, value]) => value),
    PLOT.bottom,
    PLOT.top,
  );
  return picture(title, HEIGHT, [
    ...x.ticks.flatMap((value) => [
      line(x.at(value), PLOT.top, x.at(value), PLOT.bottom, "grid"),
      text(x.at(value), PLOT.bottom + 18, formatNumber(value), { "text-anchor": "middle" }),
    ]),
    ...y.ticks.flatMap((value) => [
      line(PLOT.left, y.at(value), PLOT.right, y.at(value), "grid"),
      text(PLOT.left - 8, y.at(value) + 4, formatNumber(value), { "text-anchor": "end" }),
    ]),
    line(PLOT.left, PLOT.bottom, PLOT.right, PLOT.bottom, "axis"),
    line(PLOT.left, PLOT.top, PLOT.left, PLOT.bottom, "axis"),
    text((PLOT.left + PLOT.right) / 2, HEIGHT - 10, xLabel, { "text-anchor": "middle" }),
    text(16, PLOT.top - 8, yLabel),
    ...series.map((one, index) => drawSeries(one, index, x.at, y.at)),
  ]);
}

function drawSeries(
  { name, points }: Series,
  index: number,
  x: (value: number) => number,
  y: (value: number) => number,
): string {
  const colour = COLOURS[index % COLOURS.length] ?? COLOURS[0];
  const places = points.map(([px, py]) => [round(x(px)), round(y(py))] as const);
  const legendY = PLOT.top + 8 + index * 20;
  return [
    element("polyline", {
      points: places.map((place) => place.join(",")).join(" "),
      fill: "none",
      stroke: colour,
      "stroke-width": 2,
    }),
    ...places.map(([cx, cy]) => element("circle", { cx, cy, r: 3.5, fill: colour })),
    element("rect", { x: PLOT.right + 16, y: legendY - 6, width: 12, height: 3, fill: colour }),
    text(PLOT.right + 34, legendY, name),
  ].join("\n");
}

function line(x1: number, y1: number, x2: number, y2: number, kind: string): string {
  const [a, b, c, d] = [x1, y1, x2, y2].map(round);
  return element("line", { x1: a ?? 0, y1: b ?? 0, x2: c ?? 0, y2: d ?? 0, class: kind });
}

/** A scale over whole powers of ten that holds all values, and those powers. */
function logScale(values: readonly number[], from: number, to: number) {
  const low = Math.floor(Math.log10(Math.min(...values)));
  const high = Math.max(low + 1, Math.ceil(Math.log10(Math.max(...values))));
  return {
    ticks: Array.from({ length: high - low + 1 }, (_, index) => 10 ** (low + index)),
    at: (value: number): number => from + ((Math.log10(value) - low) / (high - low)) * (to - from),
  };
}
