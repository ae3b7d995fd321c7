import type { Workload } from "../workload.ts";
import { archives } from "./archives.ts";
import { connects } from "./connects.ts";
import { documentExports, lineExports } from "./exports.ts";
import { halfOpenRequests } from "./half-open.ts";
import { lists } from "./lists.ts";
import { fastReplays, slowReplays, stalledReplays, vanishingReplays } from "./replays.ts";
import { defaultViews, snapshotViews } from "./views.ts";

/** Every kind of client that is at work beside runs and live viewers. A new one is added here. */
export const WORKLOADS: readonly Workload[] = [
  fastReplays,
  slowReplays,
  stalledReplays,
  vanishingReplays,
  lineExports,
  documentExports,
  lists,
  halfOpenRequests,
  defaultViews,
  snapshotViews,
  connects,
  archives,
];
