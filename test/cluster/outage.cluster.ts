import { isDeepStrictEqual } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Api, OWN } from "../../adapters/kubernetes/api.ts";
import type { Kubernetes } from "../../adapters/kubernetes/index.ts";
import { passOver } from "../../adapters/kubernetes/list-pass.ts";
import { sessionsPath } from "../../adapters/kubernetes/resources.ts";
import { applyCrd, type ClusterAdmin, createAdmin } from "../../scripts/cluster/admin.ts";
import { type ApiServer, startApiServer } from "../../scripts/cluster/api-server.ts";
import type { Caller } from "../../src/ports/authorizer.ts";
import type { SessionKey } from "../../src/ports/log-store.ts";
import { codeOf } from "../contract/outcome.ts";
import { everything } from "../contract/session-directory/harness.ts";
import { waitFor } from "../contract/wait-for.ts";
import { createFastClock } from "../support/fast-clock.ts";
import { createRunlog } from "./runlog.ts";

const PROJECT = "outages";
const KEY: SessionKey = { project: PROJECT, session: "s-0" };
const ALL = { limit: 100, offset: 0, search: "" };

let server: ApiServer;
let admin: ClusterAdmin;
let caller: Caller;
let runlog: Kubernetes;

beforeAll(async () => {
  // positions in lists expire within two intervals
  server = await startApiServer({ flags: ["--etcd-compaction-interval=2s"] });
  admin = createAdmin(server.kubeconfig);
  await applyCrd(server.kubeconfig, admin);
  await admin.makeProject(PROJECT);
  caller = await admin.makeAccount(PROJECT, "caller");
  await admin.allow(PROJECT, caller, ["*"]);
  await admin.makeSessions([KEY]);
  // 30 s of waiting are 3 s here
  runlog = createRunlog({ kubeconfig: server.kubeconfig, clock: createFastClock(10) });
});
afterAll(async () => {
  await runlog.platform.close();
  await admin.close();
  await server.stop();
});

/** What each kind of request says. */
async function outcomes(): Promise<readonly string[]> {
  const { directory, authorizer, platform } = runlog;
  return Promise.all(
    [
      directory.as(caller).get(KEY),
      directory.update(KEY, (document) => document),
      platform.podEvents(KEY, caller),
      platform.check(),
      authorizer.allows(
        caller,
        { project: PROJECT, session: null, verb: "update" },
        { fresh: true },
      ),
    ].map(codeOf),
  );
}

const FAILED = [
  "platform-failed",
  "platform-failed",
  "platform-failed",
  "platform-failed",
  "review-failed",
];

/** The caller's role is about sessions alone: events of pods are refused. */
const ANSWERED = ["resolved", "resolved", "access-denied", "resolved", "resolved"];

/** Waits until everything is answered. An API server that has just started refuses at first. */
async function recovered(): Promise<void> {
  const isAnswered = async (): Promise<boolean> => isDeepStrictEqual(await outcomes(), ANSWERED);
  await waitFor(isAnswered, { what: "an answer to everything" });
}

/** Waits until the list shows a session that is made now: the watch has recovered. */
async function showsNew(session: string): Promise<void> {
  await admin.makeSessions([{ project: PROJECT, session }]);
  await waitFor(
    async () => {
      const page = await runlog.directory.page(PROJECT, ALL).catch(() => null);
      return page?.documents.some(({ metadata }) => metadata.name === session) ?? false;
    },
    { what: "the new session" },
  );
}

describe("a real API server that", () => {
  it("is killed and started again: requests fail clearly meanwhile, watches and lists recover", async () => {
    await showsNew("before-kill");
    const abort = new AbortController();
    const podEnd = runlog.platform.podEnd(KEY, abort.signal).catch(() => "aborted");
    await server.kill();
    expect(await outcomes()).toEqual(FAILED);
    // nothing is called dead that cannot be seen
    const first = await Promise.race([podEnd, outcomes()]);
    expect(first).toEqual(FAILED);
    await server.restart();
    await showsNew("after-kill");
    await recovered();
    abort.abort();
    expect(await podEnd).toBe("aborted");
  });

  it("stands still: requests give up in time, and go on when it goes on", async () => {
    await showsNew("before-stop");
    try {
      await server.pause();
      expect(await outcomes()).toEqual(FAILED);
    } finally {
      server.resume();
    }
    await recovered();
    await showsNew("after-stop");
  });

  it("forgets a position in the middle of a list: the list begins again and is whole", async () => {
    const keys = Array.from({ length: 1_200 }, (_, i) => ({
      project: "expiring",
      session: `e-${i}`,
    }));
    await admin.makeProject("expiring");
    await admin.makeSessions(keys);
    const path = sessionsPath("expiring");
    let expired = 0;
    const slow: Api = {
      ...admin.api,
      async read(request, read) {
        if (request.query?.["continue"] && expired === 0) {
          await waitFor(() => isExpired(path, request.query ?? {}));
          expired++;
        }
        return admin.api.read(request, read);
      },
    };
    let begun = 0;
    let names: string[] = [];
    const version = await passOver(
      slow,
      { account: OWN, path },
      {
        begin() {
          begun++;
          names = [];
        },
        item: (json) => names.push(JSON.parse(new TextDecoder().decode(json)).metadata.name),
      },
    );
    expect([begun, expired]).toEqual([2, 1]);
    expect(Number(version)).toBeGreaterThan(0);
    expect(names.toSorted()).toEqual(keys.map(({ session }) => session).toSorted());
  });

  it("knows nothing of the version that a watch goes on from: the list is made anew", async () => {
    await showsNew("before-gap");
    // while runlog cannot look, sessions come and go, and the versions it knows are compacted away
    await server.kill();
    await server.restart();
    await admin.makeSessions([{ project: PROJECT, session: "in-gap" }]);
    await admin.ask("DELETE", `${sessionsPath(PROJECT)}/before-gap`);
    await waitFor(async () => {
      const shown = await everything(runlog.directory, PROJECT).catch(() => []);
      const names = shown.map(({ metadata }) => metadata.name);
      return names.includes("in-gap") && !names.includes("before-gap");
    });
  });
});

/** Whether the API server has forgotten the position; makes it forget by writing. */
async function isExpired(path: string, query: Readonly<Record<string, string>>): Promise<boolean> {
  await admin.ask("POST", "/api/v1/namespaces", { metadata: { generateName: "n-" } });
  const request = { account: OWN, method: "GET", path, query } as const;
  const outcome = await admin.api.json(request).catch((error: unknown) => error);
  return outcome instanceof Error && JSON.stringify(outcome).includes("Expired");
}
