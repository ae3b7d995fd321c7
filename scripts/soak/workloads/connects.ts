import { createToldRuns } from "../../load/told-runs.ts";
import { createEventFrames } from "../event-frames.ts";
import { visit } from "../visit.ts";
import type { Workload } from "../workload.ts";
import { smallOne } from "./views.ts";

const MEGABYTES = 5;
const STAY_MS = 15_000;

/** Clients of the AG-UI standard: each gets whole runs, and an end when no run is active. */
export const connects: Workload = {
  name: "connects",
  clients: 3,
  async round(context) {
    const { name, path } = smallOne(context, MEGABYTES);
    const profile = context.random.pick(["0.0", "1.0"]);
    const runs = createToldRuns();
    const problems: string[] = [];
    const frames = createEventFrames({
      onEvent(data) {
        // what comes after the first that is wrong says nothing more
        if (problems.length > 0) return;
        try {
          runs.take(data.toString());
        } catch (error) {
          problems.push(String(error).slice(0, 300));
        }
      },
      onOther: (text) => problems.push(`no frame: ${text}`),
    });
    try {
      const { status, isWhole } = await visit(context, {
        name: "connects",
        path: `${path}/agui/connect?profile=${profile}`,
        body: '{"messages":[]}',
        ms: STAY_MS,
        onBody: (bytes) => frames.push(bytes),
      });
      if (status === 200 && isWhole) context.count("connects told to the end");
      if (isWhole && runs.isOpen) context.endedEarly(`${name}, connect ${profile}`);
    } finally {
      for (const text of problems) context.violation(`${name}, connect ${profile}: ${text}`);
    }
  },
};
