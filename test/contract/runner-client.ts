import { describe } from "vitest";
import { callSuite } from "./runner-client/call.ts";
import { connectionSuite } from "./runner-client/connection.ts";
import { eventsSuite } from "./runner-client/events.ts";
import { flowSuite } from "./runner-client/flow.ts";
import { framingSuite } from "./runner-client/framing.ts";
import { freshClient } from "./runner-client/harness.ts";
import { listenSuite } from "./runner-client/listen.ts";
import { resumeSuite } from "./runner-client/resume.ts";
import type { RunnerClientContractOptions } from "./runner-client/harness.ts";

export type { RunnerClientContractOptions, RunnerClientHarness } from "./runner-client/harness.ts";
export type {
  RecordedRequest,
  ScriptedExchange,
  ScriptedRunner,
} from "./runner-client/scripted-runner.ts";

/** Defines the tests that every RunnerClient passes, against a runner that the tests script. */
export function runnerClientContract(name: string, options: RunnerClientContractOptions): void {
  const fresh = freshClient(options);
  describe(`RunnerClient contract: ${name}`, () => {
    framingSuite(fresh);
    eventsSuite(fresh);
    connectionSuite(fresh);
    flowSuite(fresh);
    listenSuite(fresh);
    resumeSuite(fresh);
    callSuite(fresh);
  });
}
