// Measures what listing the sessions of a large project takes, on a real API server.
import { parseArgs } from "node:util";
import { startScript } from "./bench/child-script.ts";
import type { ListCost, ListTask } from "./bench/list-process.ts";
import { formatTable } from "./bench/report.ts";
import { atMost, median, type Row } from "./bench/row.ts";
import { createAdmin, applyCrd } from "./cluster/admin.ts";
import { startApiServer } from "./cluster/api-server.ts";

const PROJECT = "large";
const MEBIBYTE = 1024 * 1024;
const PEAK_MEBIBYTES = 64;
const PAGE_MS = 5;
const TIMEOUT_MS = 300_000;
const PROCESS = new URL("./bench/list-process.ts", import.meta.url);

const { values } = parseArgs({
  options: { sessions: { type: "string", default: "20000" }, check: { type: "boolean" } },
});
const count = Number(values.sessions);

/** A spec of 10 KB: a prompt as people write it, and what a platform puts beside it. */
function spec(index: number): unknown {
  return {
    displayName: `Session number ${index}`,
    initialPrompt: `Prompt ${index} ${"word ".repeat(800)}`,
    environmentVariables: { RUNNER_TYPE: "claude-agent-sdk", PADDING: "p".repeat(5_500) },
  };
}

async function measure(task: ListTask): Promise<ListCost> {
  const script = startScript<ListCost>(PROCESS, task);
  try {
    return await script.next(TIMEOUT_MS);
  } finally {
    await script.stop();
  }
}

function rowsOf({ list, search }: ListTask, cost: ListCost): Row[] {
  const size = `${cost.totalCount} sessions`;
  const name = search === "" ? list : `${list}, search`;
  const pages = cost.pageMs.length;
  const peak = {
    measurement: `${name}: peak over idle`,
    size,
    value: (cost.peakBytes - cost.idleBytes) / MEBIBYTE,
    unit: "MiB",
  };
  const page = { measurement: `${name}: page, p50`, size, value: median(cost.pageMs), unit: "ms" };
  const isCachedPage = list === "cached" && search === "";
  return [
    list === "direct" ? atMost(PEAK_MEBIBYTES, peak) : peak,
    { measurement: `${name}: first page`, size, value: cost.firstMs, unit: "ms" },
    { measurement: `${name}: own CPU, first page`, size, value: cost.firstCpuMs, unit: "ms" },
    { measurement: `${name}: calls, first page`, size, value: cost.firstCalls, unit: "calls" },
    isCachedPage ? atMost(PAGE_MS, page) : page,
    { measurement: `${name}: calls, page`, size, value: cost.pageCalls / pages, unit: "calls" },
  ];
}

const server = await startApiServer();
process.stderr.write(`kube-apiserver ${server.version}\n`);
const admin = createAdmin(server.kubeconfig);
try {
  await applyCrd(server.kubeconfig, admin);
  await admin.makeProject(PROJECT);
  process.stderr.write(`making ${count} sessions\n`);
  for (let from = 0; from < count; from += 500) {
    const keys = Array.from({ length: Math.min(500, count - from) }, (_, i) => from + i);
    await admin.makeSessions(
      keys.map((i) => ({ project: PROJECT, session: `session-${i}` })),
      spec(from),
    );
  }
  const rows: Row[] = [];
  const base = { kubeconfig: server.kubeconfig, project: PROJECT };
  const tasks: readonly ListTask[] = [
    { ...base, list: "direct", pages: 3, search: "" },
    { ...base, list: "direct", pages: 3, search: "number 500" },
    { ...base, list: "cached", pages: 1_000, search: "" },
    { ...base, list: "cached", pages: 3, search: "number 500" },
  ];
  for (const task of tasks) rows.push(...rowsOf(task, await measure(task)));
  process.stdout.write(`${formatTable(rows)}\n`);
  if (values.check && rows.some(({ ok }) => ok === false)) process.exitCode = 1;
} finally {
  await admin.close();
  await server.stop();
}
