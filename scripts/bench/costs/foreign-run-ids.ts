import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createLogId } from "../../../src/ports/log-id.ts";
import { createDataDir, PROJECT, sessionPath } from "../data-dir.ts";
import { startServer } from "../server-process.ts";
import { startRun } from "../start-run.ts";
import type { Cost, Spent } from "./cost.ts";
import { startInstantRunner } from "./instant-runner.ts";

const SESSION = "foreign";

/** A log without a head, full of snapshots and runs under ids of their own: a run has to fold it first. */
export const foreignRunIds: Cost = {
  name: "run after events of other runs",
  of: "run ids",
  sizes: [10_000, 40_000, 160_000],
  async measure(size): Promise<Spent> {
    const data = await createDataDir();
    const runner = await startInstantRunner();
    try {
      const dir = join(data.dir, "projects", PROJECT, SESSION, createLogId(Date.now()));
      await mkdir(dir, { recursive: true });
      const types = ["MESSAGES_SNAPSHOT", "RUN_STARTED"];
      const lines = Array.from(
        { length: size },
        (_, i) => `{"type":"${types[i % 2]}","runId":"run-${i}","messages":[]}\n`,
      );
      await writeFile(join(dir, "raw.jsonl"), lines.join(""));
      const server = await startServer({ dataDir: data.dir, runnerPort: runner.port });
      try {
        const startedAt = performance.now();
        await startRun(server.port, sessionPath(SESSION));
        return { seconds: (performance.now() - startedAt) / 1_000 };
      } finally {
        await server.stop();
      }
    } finally {
      runner.close();
      await data.remove();
    }
  },
};
