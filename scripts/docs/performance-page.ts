import type { Results } from "../bench/report.ts";
import { formatNumber, type Row } from "../bench/row.ts";
import { type Bar, barChart } from "./bar-chart.ts";
import { lineChart, type Series } from "./line-chart.ts";

/** A page and its plots, by file name. */
export interface PerformancePage {
  readonly markdown: string;
  readonly plots: ReadonlyMap<string, string>;
}

interface Section {
  readonly title: string;
  readonly about: string;
  /** Beginnings of the names of the rows that belong here. */
  readonly rows: string;
  readonly plot: (rows: readonly Row[]) => string | null;
}

/** Where in a row's size its place on the axis is. */
const MEGABYTES = /([\d.]+) MB$/;
const RUNS = /([\d,]+) runs$/;

const SECTIONS: readonly Section[] = [
  {
    title: "Replay",
    about: "A whole log through the event stream, beside a bare Node file pipe of the same bytes.",
    rows: "replay",
    plot: (rows) => overSize("Time of a whole replay", "ms", withPipe(rows, "replay")),
  },
  {
    title: "Export",
    about: "A whole log as one JSON document, beside the same pipe.",
    rows: "export",
    plot: (rows) => overSize("Time of a whole export", "ms", withPipe(rows, "export")),
  },
  {
    title: "First event",
    about:
      "From the request to the first event's last byte: it does not depend on the log's length.",
    rows: "first event",
    plot: (rows) =>
      overSize("Time to the first event", "ms", [
        seriesOf("log not open", rows, "first event, log not open"),
        seriesOf("log open", rows, "first event"),
      ]),
  },
  {
    title: "Resume",
    about: "From a request with the last cursor to the response's head.",
    rows: "resume",
    plot: (rows) =>
      overSize("Time to resume at the end", "ms", [seriesOf("resume", rows, "resume at end")]),
  },
  {
    title: "Memory",
    about:
      "The most resident memory of the server with fifty replays at once, from unthrottled to stalled.",
    rows: "memory",
    plot: (rows) =>
      overSize("Resident memory with 50 replays", "MiB", [
        seriesOf("highest", rows, "memory, peak"),
      ]),
  },
  {
    title: "Ingest",
    about:
      "Events a second from one runner to one viewer, each stored before it is shown. The mark is the limit.",
    rows: "ingest",
    plot: (rows) =>
      bars(
        "Ingest",
        "events/s",
        rows.filter(({ unit }) => unit === "events/s"),
      ),
  },
  {
    title: "Fan-out",
    about:
      "Delay from the runner's send to a viewer's receipt, for all viewers of one session. The mark is the limit.",
    rows: "fan-out",
    plot: (rows) =>
      bars(
        "Fan-out",
        "ms",
        rows.filter(({ unit }) => unit === "ms"),
      ),
  },
  {
    title: "Condensing",
    about:
      "A session is condensed while a run of it goes on: speed, memory over the idle server, and the delay of the run's events meanwhile.",
    rows: "compaction",
    plot: (rows) =>
      bars(
        "Delay of a run's events while its session is condensed",
        "ms",
        rows.filter(({ unit }) => unit === "ms"),
      ),
  },
  {
    title: "First paint",
    about: "The whole history of a session, from the request to the last byte.",
    rows: "first paint",
    plot: (rows) => {
      const times = rows.filter(({ unit }) => unit === "ms");
      return overSize(
        "Time of a whole history",
        "ms",
        [
          seriesOf("raw", times, "first paint, raw", RUNS),
          seriesOf("condensed", times, "first paint, condensed", RUNS),
        ],
        "finished runs",
      );
    },
  },
  {
    title: "Restart",
    about:
      "SIGTERM and a start under runs behind a relay: how long the exit takes, and how long viewers see no event.",
    rows: "restart",
    plot: () => null,
  },
  {
    title: "Old logs",
    about: "A log that an older system left, each of whose times has to be rewritten.",
    rows: "old",
    plot: () => null,
  },
];

/** Makes the page of a benchmark's results. Sections without rows are left out. */
export function performancePage(results: Results): PerformancePage {
  const plots = new Map<string, string>();
  const parts = [intro(results)];
  for (const { title, about, rows: prefix, plot } of SECTIONS) {
    const rows = results.rows.filter(({ measurement }) => measurement.startsWith(prefix));
    if (rows.length === 0) continue;
    parts.push(`## ${title}`, about);
    const drawn = plot(rows);
    if (drawn !== null) {
      const file = `${title.toLowerCase().replaceAll(" ", "-")}.svg`;
      plots.set(file, drawn);
      parts.push(`![${title}](performance/${file})`);
    }
    parts.push(table(rows));
  }
  return { markdown: `${parts.join("\n\n")}\n`, plots };
}

function intro({ date, node, cpu, memoryGiB, startCommand }: Results): string {
  return `# Performance

Made by \`npm run docs:performance\` from [bench/results.json](bench/results.json), which \`npm run bench\`
wrote on ${date.slice(0, 10)}: ${cpu.count} × ${cpu.model}, ${memoryGiB} GiB, Node ${node}. The server ran as
\`${startCommand}\`. [bench/README.md](bench/README.md) says what is measured. Absolute times on a shared
machine say little; the ratios to the bare pipe are the ones to compare.`;
}

function table(rows: readonly Row[]): string {
  const lines = rows.map((row) => {
    const { measurement, size, value, unit, barePipe, ratio, limit, ok, note } = row;
    return [
      measurement,
      size,
      value === null ? (note ?? "") : `${formatNumber(value)} ${unit}`,
      barePipe === undefined ? "" : `${formatNumber(barePipe)} ${unit}`,
      ratio === undefined ? "" : `${formatNumber(ratio)}x`,
      limit ?? "",
      ok === undefined ? "" : ok ? "met" : "missed",
    ];
  });
  const head = ["row", "size", "value", "bare pipe", "ratio", "limit", ""];
  return [head, head.map(() => "---"), ...lines]
    .map((cells) => `| ${cells.join(" | ")} |`)
    .join("\n");
}

/** A line chart over the log's size, or null where there are too few sizes for a line. */
function overSize(
  title: string,
  unit: string,
  series: readonly Series[],
  xLabel = "log, MB",
): string | null {
  const drawn = series.filter(({ points }) => points.length > 1);
  if (drawn.length === 0) return null;
  return lineChart({ title, xLabel, yLabel: unit, series: drawn });
}

function withPipe(rows: readonly Row[], measurement: string): Series[] {
  const own = rows.filter((row) => row.measurement === measurement);
  const pipe = own.map((row) => ({ ...row, value: row.barePipe ?? null }));
  return [seriesOf("runlog", own, measurement), seriesOf("bare pipe", pipe, measurement)];
}

/** `x` finds a row's place in its size. */
function seriesOf(
  name: string,
  rows: readonly Row[],
  measurement: string,
  x: RegExp = MEGABYTES,
): Series {
  const points = rows
    .filter((row) => row.measurement === measurement)
    .flatMap(({ size, value }): (readonly [number, number])[] => {
      const place = x.exec(size)?.[1]?.replaceAll(",", "");
      return place === undefined || value === null ? [] : [[Number(place), value]];
    });
  return { name, points };
}

function bars(title: string, unit: string, rows: readonly Row[]): string | null {
  const drawn = rows.flatMap(({ measurement, value, limit }): Bar[] => {
    const bound = /[\d.,]+/.exec(limit ?? "")?.[0].replaceAll(",", "");
    if (value === null) return [];
    return [
      { label: measurement, value, ...(bound === undefined ? {} : { limit: Number(bound) }) },
    ];
  });
  return drawn.length === 0 ? null : barChart({ title, unit, bars: drawn });
}
