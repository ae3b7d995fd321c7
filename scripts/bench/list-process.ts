// A process that lists sessions as the server does, and says what that takes.
import { subscribe } from "node:diagnostics_channel";
import { readFile, writeFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { createKubernetes } from "../../adapters/kubernetes/index.ts";
import { stderrLogger as logger, systemClock as clock } from "../../src/entry/node.ts";
import { endWithParent, sendToParent } from "./child-script.ts";

export interface ListTask {
  readonly kubeconfig: string;
  readonly project: string;
  readonly list: "cached" | "direct";
  /** How many pages are asked for, one after the other. */
  readonly pages: number;
  readonly search: string;
}

export interface ListCost {
  readonly totalCount: number;
  /** Resident memory before and at its peak. */
  readonly idleBytes: number;
  readonly peakBytes: number;
  /** Until the first page was there. */
  readonly firstMs: number;
  readonly firstCalls: number;
  /** Time of this process's own on a processor, until then. */
  readonly firstCpuMs: number;
  /** Of the pages after it. */
  readonly pageMs: readonly number[];
  readonly pageCalls: number;
}

const QUERY = { limit: 20, offset: 0 };

async function statusBytes(name: string): Promise<number> {
  const status = await readFile("/proc/self/status", "utf8");
  return Number(new RegExp(`${name}:\\s+(\\d+) kB`).exec(status)?.[1]) * 1024;
}

async function measure({ pages, search, project, ...options }: ListTask): Promise<ListCost> {
  let calls = 0;
  subscribe("undici:request:create", () => calls++);
  const { directory, platform } = createKubernetes({ ...options, clock, logger });
  await platform.check();
  await sleep(2_000);
  // the peak begins anew
  await writeFile("/proc/self/clear_refs", "5");
  const idleBytes = await statusBytes("VmRSS");
  calls = 0;
  const pageMs: number[] = [];
  let firstCalls = 0;
  let firstCpuMs = 0;
  const cpuBefore = process.cpuUsage();
  let totalCount = 0;
  for (let i = 0; i <= pages; i++) {
    const startedAtMs = performance.now();
    ({ totalCount } = await directory.page(project, { ...QUERY, search }));
    pageMs.push(performance.now() - startedAtMs);
    if (i > 0) continue;
    const { user, system } = process.cpuUsage(cpuBefore);
    firstCalls = calls;
    firstCpuMs = (user + system) / 1_000;
  }
  const peakBytes = await statusBytes("VmHWM");
  await platform.close();
  const [firstMs = 0, ...rest] = pageMs;
  const pageCalls = calls - firstCalls;
  return {
    totalCount,
    idleBytes,
    peakBytes,
    firstMs,
    firstCalls,
    firstCpuMs,
    pageMs: rest,
    pageCalls,
  };
}

endWithParent();
sendToParent(await measure(JSON.parse(process.argv[2] ?? "{}")));
