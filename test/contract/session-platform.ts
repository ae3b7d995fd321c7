import { describe, expect, it } from "vitest";
import type { Caller } from "../../src/ports/authorizer.ts";
import type { SessionKey } from "../../src/ports/log-store.ts";
import { DEFAULT_RUNNER_TYPE, type SessionPlatform } from "../../src/ports/session-platform.ts";
import { codeOf, reasonOf } from "./outcome.ts";
import { withHarness } from "./with-harness.ts";

export interface SessionPlatformHarness {
  readonly platform: SessionPlatform;
  /** Somebody who may do everything. */
  readonly caller: Caller;
  dispose(): Promise<void>;
}

export interface SessionPlatformContractOptions {
  /** Makes a platform on which there are no pods: called once for each test. */
  readonly create: () => Promise<SessionPlatformHarness>;
}

const KEY: SessionKey = { project: "p", session: "s" };

/** Defines the tests that every SessionPlatform passes, whatever it runs sessions with. */
export function sessionPlatformContract(
  name: string,
  { create }: SessionPlatformContractOptions,
): void {
  const having = (body: (harness: SessionPlatformHarness) => Promise<void>) => () =>
    withHarness(create, body);
  describe(`SessionPlatform contract: ${name}`, () => {
    it(
      "answers a check",
      having(({ platform }) => platform.check()),
    );

    it(
      "takes notes of sessions that are not there, and of any after it was closed",
      having(async ({ platform }) => {
        for (const what of ["run-started", "event", "run-started"] as const)
          platform.noteActivity(KEY, what);
        await platform.runEnded(KEY, { reached: true });
        await platform.runEnded(KEY, { reached: false });
        await platform.close();
        platform.noteActivity(KEY, "event");
      }),
    );

    it(
      "calls no pod dead that cannot be seen, and ends its waiting with the signal's reason",
      having(async ({ platform }) => {
        const abort = new AbortController();
        const end = platform.podEnd(KEY, abort.signal);
        // a pod that were called dead would be so by the time that something else was asked
        await platform.check();
        const reason = new Error("the run is over");
        abort.abort(reason);
        expect(await reasonOf(end)).toBe(reason);
      }),
    );

    it(
      "knows nothing of a pod that was never there",
      having(async ({ platform, caller }) => {
        expect(await platform.podEvents(KEY, caller)).toEqual([]);
      }),
    );

    it(
      "knows the default type of runners, and refuses one that it does not know",
      having(async ({ platform, caller }) => {
        const choice = { project: "p", model: "m", caller };
        const known = { ...choice, runnerType: DEFAULT_RUNNER_TYPE };
        expect(await platform.runnerEnvironment(known)).toMatchObject({
          RUNNER_TYPE: DEFAULT_RUNNER_TYPE,
        });
        const unknown = platform.runnerEnvironment({ ...choice, runnerType: "no-such-type" });
        expect(await codeOf(unknown)).toBe("invalid-input");
      }),
    );
  });
}
