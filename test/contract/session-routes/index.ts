import { describe } from "vitest";
import { agentsSuite, noAgentsSuite } from "./agents.ts";
import { archiveSuite, noArchiveSuite } from "./archive.ts";
import { backgroundEventsSuite } from "./background-events.ts";
import { compactSuite } from "./compact.ts";
import { cancelSuite } from "./cancel.ts";
import { echoesSuite } from "./echoes.ts";
import { errorsSuite } from "./errors.ts";
import { eventPagesSuite } from "./event-pages.ts";
import { exportSuite } from "./export.ts";
import { feedbackSuite } from "./feedback.ts";
import { forkSuite } from "./fork.ts";
import { type FreshServer, freshServer, type SessionRoutesContractOptions } from "./harness.ts";
import { liveSuite } from "./live.ts";
import { logStreamsSuite } from "./log-streams.ts";
import { messagesNowSuite } from "./messages-now.ts";
import { namesSuite } from "./names.ts";
import { postedMessagesSuite } from "./posted-messages.ts";
import { pushedRunsSuite } from "./pushed-runs.ts";
import { replaySuite } from "./replay.ts";
import { resumedStreamsSuite } from "./resumed-streams.ts";
import { runnerSurfaceSuite } from "./runner-surface.ts";
import { runListSuite } from "./run-list.ts";
import { runIdsSuite } from "./run-ids.ts";
import { runInputSuite } from "./run-input.ts";
import { runsSuite } from "./runs.ts";
import { sessionCreateSuite } from "./session-create.ts";
import { sessionDeleteSuite } from "./session-delete.ts";
import { sessionWritesSuite } from "./session-writes.ts";
import { sessionsSuite } from "./sessions.ts";
import { snapshotAtSuite } from "./snapshot-at.ts";
import { snapshotsSuite } from "./snapshots.ts";
import { standardSuite } from "./standard.ts";
import { tanstackSuite } from "./tanstack.ts";
import { tasksSuite } from "./tasks.ts";

export type { SessionRoutesContractOptions, SessionRoutesHarness } from "./harness.ts";

/** Defines the tests that every server of the routes passes, over whatever transport. */
export function sessionRoutesContract(name: string, options: SessionRoutesContractOptions): void {
  const fresh = freshServer(options);
  describe(`session routes: ${name}`, () => {
    storedSuites(fresh);
    sessionCreateSuite(fresh);
    sessionWritesSuite(fresh);
    errorsSuite(fresh);
    namesSuite(fresh);
    cancelSuite(fresh);
    runnerSurfaceSuite(fresh);
    tasksSuite(fresh);
    feedbackSuite(fresh);
    backgroundEventsSuite(fresh);
    standardSuite(fresh);
    resumedStreamsSuite(fresh);
    snapshotsSuite(fresh);
    noAgentsSuite(fresh);
    if (options.archives) archiveSuite(fresh);
    else noArchiveSuite(fresh);
  });
}

/** Tests for servers with the agents `coder` ("Writes code") and `support`, at these paths below the runner's address. */
export function agentsContract(name: string, options: SessionRoutesContractOptions): void {
  const fresh = freshServer(options);
  describe(`agents: ${name}`, () => agentsSuite(fresh));
}

/** Those of the tests that look at what is stored: for a server that keeps it in another way. */
export function storedSessionsContract(name: string, options: SessionRoutesContractOptions): void {
  const fresh = freshServer(options);
  describe(`stored sessions: ${name}`, () => {
    storedSuites(fresh);
    if (options.archives) archiveSuite(fresh);
  });
}

function storedSuites(fresh: FreshServer): void {
  replaySuite(fresh);
  liveSuite(fresh);
  runsSuite(fresh);
  runIdsSuite(fresh);
  postedMessagesSuite(fresh);
  echoesSuite(fresh);
  messagesNowSuite(fresh);
  tanstackSuite(fresh);
  runInputSuite(fresh);
  compactSuite(fresh);
  eventPagesSuite(fresh);
  runListSuite(fresh);
  snapshotAtSuite(fresh);
  forkSuite(fresh);
  exportSuite(fresh);
  sessionsSuite(fresh);
  sessionDeleteSuite(fresh);
  logStreamsSuite(fresh);
  pushedRunsSuite(fresh);
}
