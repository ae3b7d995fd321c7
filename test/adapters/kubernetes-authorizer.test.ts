import { afterEach, describe, expect, it } from "vitest";
import { createKubernetes, type Kubernetes } from "../../adapters/kubernetes/index.ts";
import { corePath } from "../../adapters/kubernetes/resources.ts";
import { systemClock } from "../../src/entry/system-clock.ts";
import { authorizerContract } from "../contract/index.ts";
import type { Access, Caller, CallerClaims } from "../../src/ports/authorizer.ts";
import type { Logger } from "../../src/ports/logger.ts";
import { codeOf } from "../contract/outcome.ts";
import { recorded } from "../support/kubernetes/recorded.ts";
import { type StandIn, startStandIn } from "../support/kubernetes/stand-in.ts";
import { createManualClock, type ManualClock } from "../support/manual-clock.ts";

const logger: Logger = { info: () => {}, warn: () => {}, error: () => {} };
const JANE: Caller = { userId: "jane", userName: "jane", groups: [], token: "jane-token" };
const GET: Access = { project: "p", session: "s", verb: "get" };

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

async function start(): Promise<Kubernetes & { standIn: StandIn; clock: ManualClock }> {
  const standIn = await startStandIn();
  standIn.users.set("jane-token", { username: "jane", groups: ["devs"] });
  const clock = createManualClock();
  const runlog = createKubernetes({ clock, logger, kubeconfig: standIn.kubeconfig });
  cleanups.push(async () => {
    await runlog.platform.close();
    await standIn.close();
  });
  return { ...runlog, standIn, clock };
}

function claims(token: string, project = "p"): CallerClaims {
  return { token, forwardedUser: null, forwardedName: null, peer: null, project };
}

authorizerContract("kubernetes, on answers recorded from an API server 1.20", {
  async create(users) {
    const standIn = await startStandIn();
    const grants = new Map(users.map((user) => [user.name, user.grants]));
    for (const { name } of users)
      standIn.users.set(`${name}-token`, { username: name, groups: [] });
    standIn.may = (user, { namespace, verb, name }) =>
      (grants.get(user) ?? []).some(
        ({ project, session, verbs }) =>
          project === namespace &&
          (session === null || session === name) &&
          verbs.some((one) => one === verb),
      );
    const { kubeconfig } = standIn;
    const { authorizer, platform } = createKubernetes({ clock: systemClock, logger, kubeconfig });
    return {
      authorizer,
      token: (name) => `${name}-token`,
      userName: (name) => name,
      async revoke(name) {
        grants.delete(name);
      },
      async dispose() {
        await platform.close();
        await standIn.close();
      },
    };
  },
});

describe("kubernetes Authorizer, on recorded answers", () => {
  it("remembers a yes for 30 s and a no for 5 s, and asks past both when asked afresh", async () => {
    const { authorizer, standIn, clock } = await start();
    const asked = async (fresh = false): Promise<boolean> => {
      const before = standIn.requests.length;
      await authorizer.allows(JANE, GET, { fresh });
      return standIn.requests.length > before;
    };
    for (const [isAllowed, keptMs] of [
      [true, 30_000],
      [false, 5_000],
    ] as const) {
      standIn.may = () => isAllowed;
      expect(await asked()).toBe(true);
      clock.advance(keptMs - 1);
      expect(await asked()).toBe(false);
      clock.advance(1);
      expect(await asked()).toBe(true);
      expect(await asked(true)).toBe(true);
      clock.advance(30_000);
    }
  });

  it("keeps callers, projects, verbs and sessions apart", async () => {
    const { authorizer, standIn } = await start();
    standIn.users.set("joe-token", { username: "joe", groups: [] });
    const joe = { ...JANE, token: "joe-token" };
    standIn.may = (user, { namespace, verb, name }) =>
      [user, namespace, verb, name].join() === "jane,p,get,s";
    const questions: readonly (readonly [Caller, Access])[] = [
      [JANE, GET],
      [joe, GET],
      [JANE, { ...GET, project: "q" }],
      [JANE, { ...GET, verb: "update" }],
      [JANE, { ...GET, session: null }],
      [JANE, { ...GET, session: "t" }],
    ];
    for (let round = 0; round < 2; round++)
      for (const [i, [caller, access]] of questions.entries())
        expect(await authorizer.allows(caller, access)).toBe(i === 0);
  });

  it("asks once for many who want to know the same at once", async () => {
    const { authorizer, standIn } = await start();
    const answers = await Promise.all(
      Array.from({ length: 50 }, () => authorizer.allows(JANE, GET)),
    );
    expect(answers).toEqual(answers.map(() => true));
    expect(standIn.requests).toHaveLength(1);
  });

  it("takes no failure for a no, and remembers none", async () => {
    const { authorizer, standIn } = await start();
    standIn.fault = () => ({ status: 500, body: {} });
    expect(await codeOf(authorizer.allows(JANE, GET))).toBe("review-failed");
    expect(await codeOf(authorizer.identify(claims("jane-token")))).toBe("review-failed");
    standIn.fault = () => recorded("unauthorized");
    expect(await codeOf(authorizer.allows(JANE, GET))).toBe("token-invalid");
    standIn.fault = () => null;
    expect(await authorizer.allows(JANE, GET)).toBe(true);
    expect((await authorizer.identify(claims("jane-token"))).userId).toBe("jane");
  });

  it("does not let a slow yes replace a later no", async () => {
    const { authorizer, standIn } = await start();
    const { promise: held, resolve: release } = Promise.withResolvers<void>();
    let isFirst = true;
    standIn.delay = async () => {
      const waits = isFirst;
      isFirst = false;
      if (waits) await held;
    };
    const slow = authorizer.allows(JANE, GET, { fresh: true });
    await expect.poll(() => standIn.requests.length).toBe(1);
    standIn.may = () => false;
    expect(await authorizer.allows(JANE, GET, { fresh: true })).toBe(false);
    standIn.may = () => true;
    release();
    expect(await slow).toBe(true);
    expect(await authorizer.allows(JANE, GET)).toBe(false);
  });

  it("asks the token itself who it is, where the API server has SelfSubjectReviews, else about it", async () => {
    for (const hasSelfReview of [true, false]) {
      const { authorizer, standIn } = await start();
      standIn.hasSelfReview = hasSelfReview;
      const caller = await authorizer.identify(claims("jane-token"));
      expect(caller).toEqual({ ...JANE, groups: ["devs"] });
      const { token, path } = standIn.requests.at(-1)!;
      expect(path.split("/").at(-1)).toBe(hasSelfReview ? "selfsubjectreviews" : "tokenreviews");
      expect(token).toBe(hasSelfReview ? "jane-token" : "own");
      expect(await codeOf(authorizer.identify(claims("nonsense")))).toBe("token-invalid");
      const before = standIn.requests.length;
      await authorizer.identify(claims("jane-token"));
      await codeOf(authorizer.identify(claims("nonsense")));
      expect(standIn.requests).toHaveLength(before);
    }
  });

  it("reads the account of the called project only, and fails when it cannot", async () => {
    const { authorizer, standIn } = await start();
    standIn.users.set("sa", { username: "system:serviceaccount:p:runner", groups: [] });
    const path = corePath("p", "serviceaccounts", "runner");
    standIn.fault = (request) => (request.path === path ? { status: 500, body: {} } : null);
    expect(await codeOf(authorizer.identify(claims("sa")))).toBe("review-failed");
    expect((await authorizer.identify(claims("sa", "q"))).userName).toMatch(/p:runner$/);
    standIn.fault = () => null;
    expect((await authorizer.identify(claims("sa"))).userName).toMatch(/p:runner$/);
  });
});
