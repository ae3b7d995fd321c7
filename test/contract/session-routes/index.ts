import { describe } from "vitest";
import { betweenRunsSuite } from "./between-runs.ts";
import { condensedSuite } from "./condensed.ts";
import { errorsSuite } from "./errors.ts";
import { exportSuite } from "./export.ts";
import { feedbackSuite } from "./feedback.ts";
import { freshServer, type SessionRoutesContractOptions } from "./harness.ts";
import { liveSuite } from "./live.ts";
import { replaySuite } from "./replay.ts";
import { runnerSurfaceSuite } from "./runner-surface.ts";
import { runsSuite } from "./runs.ts";
import { sessionCreateSuite } from "./session-create.ts";
import { sessionDeleteSuite } from "./session-delete.ts";
import { sessionWritesSuite } from "./session-writes.ts";
import { sessionsSuite } from "./sessions.ts";
import { standardSuite } from "./standard.ts";
import { tasksSuite } from "./tasks.ts";

export type { SessionRoutesContractOptions, SessionRoutesHarness } from "./harness.ts";

/** Defines the tests that every server of the routes passes, over whatever transport. */
export function sessionRoutesContract(name: string, options: SessionRoutesContractOptions): void {
  const fresh = freshServer(options);
  describe(`session routes: ${name}`, () => {
    replaySuite(fresh);
    liveSuite(fresh);
    condensedSuite(fresh);
    runsSuite(fresh);
    exportSuite(fresh);
    sessionsSuite(fresh);
    sessionCreateSuite(fresh);
    sessionWritesSuite(fresh);
    sessionDeleteSuite(fresh);
    errorsSuite(fresh);
    runnerSurfaceSuite(fresh);
    tasksSuite(fresh);
    feedbackSuite(fresh);
    betweenRunsSuite(fresh);
    standardSuite(fresh);
  });
}
