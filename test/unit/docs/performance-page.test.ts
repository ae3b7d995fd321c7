import { expect, it } from "vitest";
import { performancePage } from "../../../scripts/docs/performance-page.ts";

const MACHINE = {
  date: "2026-01-02T03:04:05.000Z",
  node: "v24.0.0",
  startCommand: "node cli.js",
  cpu: { model: "A & B <fast>", count: 2 },
  memoryGiB: 8,
};

const replay = (megabytes: number, value: number, barePipe: number) => ({
  measurement: "replay",
  size: `${megabytes} MB`,
  value,
  unit: "ms",
  barePipe,
  ratio: value / barePipe,
  limit: "<= 3x",
  ok: true,
});

it("the page shows every row with the machine and the command, and a plot where there is a line to draw", () => {
  const { markdown, plots } = performancePage({
    ...MACHINE,
    rows: [
      replay(5, 80, 40),
      replay(500, 4_000, 2_000),
      { measurement: "resume at end", size: "5 MB", value: 4, unit: "ms" },
      {
        measurement: "ingest",
        size: "10 events",
        value: null,
        unit: "",
        ok: false,
        note: "no runner",
      },
    ],
  });
  expect([...plots.keys()]).toEqual(["replay.svg"]);
  expect(markdown).toContain("![Replay](performance/replay.svg)");
  for (const text of [
    "2 × A & B <fast>",
    "`node cli.js`",
    "2026-01-02",
    "| 4,000 ms | 2,000 ms | 2x |",
    "no runner",
    "missed",
  ])
    expect(markdown).toContain(text);
  expect(markdown).not.toContain("## Fan-out");
});

it("a plot of what grows in proportion is a straight line, and the pipe beside it is another", () => {
  const rows = [replay(1, 10, 5), replay(10, 100, 50), replay(100, 1_000, 500)];
  const svg = performancePage({ ...MACHINE, rows }).plots.get("replay.svg") ?? "";
  const lines = [...svg.matchAll(/<polyline points="([^"]+)"/g)].map(([, points = ""]) =>
    points.split(" ").map((point) => point.split(",").map(Number)),
  );
  expect(lines).toHaveLength(2);
  for (const [first = [], middle = [], last = []] of lines)
    for (const axis of [0, 1])
      expect(middle[axis]).toBeCloseTo(((first[axis] ?? 0) + (last[axis] ?? 0)) / 2, 0);
});

it("the first paint is drawn over the number of runs, its times alone", () => {
  const row = (view: string, runs: string, value: number, unit: string) => ({
    measurement: `first paint, ${view}`,
    size: `${runs} runs`,
    value,
    unit,
  });
  const rows = ["10", "100", "1,000"].flatMap((runs, index) => [
    row("condensed", runs, 10 ** index, "ms"),
    row("condensed", runs, 7, "MB"),
    row("raw", runs, 3 * 10 ** index, "ms"),
  ]);
  const svg = performancePage({ ...MACHINE, rows }).plots.get("first-paint.svg") ?? "";
  const lines = [...svg.matchAll(/<polyline points="([^"]+)"/g)].map(([, points]) => points);
  expect(lines.map((points) => points?.split(" ").length)).toEqual([3, 3]);
  expect(svg).toContain("finished runs");
});

it("a plot is well-formed whatever the names in it are", () => {
  const rows = [
    {
      measurement: 'fan-out, <delay> & "p50"',
      size: "1",
      value: 3,
      unit: "ms",
      limit: "<= 250 ms",
    },
  ];
  const svg = performancePage({ ...MACHINE, rows }).plots.get("fan-out.svg") ?? "";
  expect(svg).toContain("&lt;delay> &amp; &quot;p50&quot;");
  expect(svg.match(/<[a-z]+/g)?.length).toBe(svg.match(/<\/[a-z]+>/g)?.length);
});
