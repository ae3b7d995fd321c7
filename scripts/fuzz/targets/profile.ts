import * as fc from "fast-check";
import { createMemoryLogStore } from "../../../adapters/memory/index.ts";
import { createToldRuns } from "../../load/told-runs.ts";
import { type FuzzTarget, fuzzTarget } from "../fuzz-target.ts";
import { bytesOfLines, logLines } from "../log-inputs.ts";
import { startFuzzServer } from "../server.ts";
import { framesIn } from "../sse-frames.ts";

const KEY = { project: "p1", session: "s1" };
const CONNECT = "/api/projects/p1/agentic-sessions/s1/agui/connect";

const inputs = fc.record({
  lines: logLines,
  profile: fc.constantFrom("0.0", "1.0"),
  view: fc.constantFrom("", "&view=raw", "&view=snapshot"),
  messages: fc.constantFrom([], [{ id: "a", role: "user", content: "hi" }]),
});

/**
 * Whatever events a log holds, what `connect` makes of it are frames of one line of JSON, each run
 * from its beginning to its end, and it ends.
 */
export const target: FuzzTarget = fuzzTarget(
  "profile",
  inputs,
  async ({ lines, profile, view, messages }) => {
    const store = createMemoryLogStore();
    const { logId } = await store.create(KEY);
    await store.append(KEY, bytesOfLines(lines), { logId, expectedEnd: 0 });
    const server = await startFuzzServer([], store);
    try {
      const response = await server.fetch(
        new Request(`http://127.0.0.1${CONNECT}?profile=${profile}${view}`, {
          method: "POST",
          headers: { "Content-Type": "application/json" },
          body: JSON.stringify({ messages }),
        }),
      );
      const text = await response.text();
      if (response.status !== 200) throw new Error(`answered ${response.status}: ${text}`);
      assertRuns(framesIn(text));
    } finally {
      await server.close();
    }
  },
);

/** Throws unless the events are whole runs, with nothing between them. */
function assertRuns(events: readonly string[]): void {
  const runs = createToldRuns();
  for (const text of events) runs.take(text);
  if (runs.isOpen) throw new Error("the last run has no end");
}
