import { afterEach, describe, expect, it } from "vitest";
import {
  createKubernetes,
  type Kubernetes,
  type KubernetesOptions,
} from "../../adapters/kubernetes/index.ts";
import { sessionPath } from "../../adapters/kubernetes/resources.ts";
import { systemClock } from "../../src/entry/system-clock.ts";
import type { Caller } from "../../src/ports/authorizer.ts";
import type { Logger } from "../../src/ports/logger.ts";
import type { SessionKey } from "../../src/ports/log-store.ts";
import { sessionDirectoryContract } from "../contract/index.ts";
import { codeOf, reasonOf } from "../contract/outcome.ts";
import { everything } from "../contract/session-directory/harness.ts";
import { waitFor } from "../contract/wait-for.ts";
import { createFastClock } from "../support/fast-clock.ts";
import { recorded } from "../support/kubernetes/recorded.ts";
import { type StandIn, startStandIn } from "../support/kubernetes/stand-in.ts";
import { createManualClock } from "../support/manual-clock.ts";

const logger: Logger = { info: () => {}, warn: () => {}, error: () => {} };
const ALL = { limit: 100, offset: 0, search: "" };
const JANE: Caller = { userId: "jane", userName: "jane", groups: [], token: "jane-token" };

async function startWith(
  sessions: readonly SessionKey[],
  options: Partial<KubernetesOptions> = {},
): Promise<{ standIn: StandIn; runlog: Kubernetes; dispose: () => Promise<void> }> {
  const standIn = await startStandIn();
  standIn.users.set("jane-token", { username: "jane", groups: ["devs"] });
  for (const key of sessions) standIn.put(sessionPath(key), { kind: "AgenticSession", spec: {} });
  const { kubeconfig } = standIn;
  const runlog = createKubernetes({ clock: systemClock, logger, kubeconfig, ...options });
  const dispose = async (): Promise<void> => {
    await runlog.platform.close();
    await standIn.close();
  };
  return { standIn, runlog, dispose };
}

for (const list of ["cached", "direct"] as const)
  sessionDirectoryContract(`kubernetes, ${list}, on answers recorded from an API server 1.20`, {
    async create(sessions) {
      const { runlog, dispose } = await startWith(sessions, { list });
      return { directory: runlog.directory.as(JANE), dispose };
    },
  });

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

async function start(
  sessions: readonly SessionKey[] = [],
  options: Partial<KubernetesOptions> = {},
): Promise<{ standIn: StandIn; runlog: Kubernetes }> {
  const { dispose, ...started } = await startWith(sessions, options);
  cleanups.push(dispose);
  return started;
}

const keysOf = (count: number, project = "p"): readonly SessionKey[] =>
  Array.from({ length: count }, (_, i) => ({ project, session: `s-${i}` }));

describe("kubernetes lists, on recorded answers", () => {
  it("cached: ask the API server for one list and one watch, however many callers look", async () => {
    const { standIn, runlog } = await start(keysOf(1_200));
    const callers = Array.from({ length: 20 }, (_, i): Caller => {
      standIn.users.set(`token-${i}`, { username: `user-${i}`, groups: [] });
      return { ...JANE, token: `token-${i}` };
    });
    const look = (caller: Caller): Promise<unknown> =>
      runlog.directory.as(caller).page("p", { limit: 20, offset: 0, search: "" });
    await Promise.all(callers.map(look));
    const reviews = standIn.requests.filter(({ path }) => path.endsWith("accessreviews"));
    expect(reviews).toHaveLength(callers.length);
    expect(new Set(reviews.map(({ token }) => token)).size).toBe(callers.length);
    const others = (): number => standIn.requests.length - reviews.length;
    // three pages of the list, a watch, and the documents of the page
    expect(others()).toBe(3 + 1 + 20);
    await Promise.all(callers.map(look));
    expect(others()).toBe(3 + 1 + 20);
  });

  it("cached: show nothing to a caller who may not list", async () => {
    const { standIn, runlog } = await start(keysOf(3));
    expect((await runlog.directory.page("p", ALL)).totalCount).toBe(3);
    standIn.may = (_, { verb }) => verb !== "list";
    expect(await codeOf(runlog.directory.as(JANE).page("p", ALL))).toBe("access-denied");
  });

  it("cached: tell what others made, changed and removed", async () => {
    const { standIn, runlog } = await start(keysOf(3));
    const names = async (search: string): Promise<string> =>
      (await everything(runlog.directory, "p", search)).map(({ metadata }) => metadata.name).join();
    expect(await names("")).toBe("s-0,s-1,s-2");
    standIn.put(sessionPath({ project: "p", session: "s-1" }), { spec: { displayName: "New" } });
    standIn.put(sessionPath({ project: "p", session: "s-9" }), { spec: {} });
    standIn.remove(sessionPath({ project: "p", session: "s-0" }));
    await waitFor(async () => (await names("")) === "s-1,s-2,s-9");
    expect(await names("new")).toBe("s-1");
    const { documents } = await runlog.directory.page("p", ALL);
    expect(documents[0]?.spec["displayName"]).toBe("New");
  });

  it("cached: go on after a watch broke off, and after its position has expired", async () => {
    const { standIn, runlog } = await start(keysOf(2), { clock: createFastClock(5) });
    const total = async (): Promise<number> => (await runlog.directory.page("p", ALL)).totalCount;
    expect(await total()).toBe(2);
    for (const expired of [false, true]) {
      await waitFor(() => standIn.watches === 1);
      const before = await total();
      standIn.fault = ({ query }) => (query.has("watch") ? recorded("unauthorized") : null);
      standIn.endWatches();
      standIn.put(sessionPath({ project: "p", session: `more-${expired}` }), { spec: {} });
      if (expired) standIn.compact();
      standIn.fault = () => null;
      await waitFor(async () => (await total()) === before + 1);
    }
  });

  it("cached: are read with the caller's token while the list cannot be had with runlog's own", async () => {
    const { standIn, runlog } = await start(keysOf(2));
    standIn.fault = ({ token, path }) =>
      token === "own" && path.endsWith("agenticsessions") ? recorded("forbidden") : null;
    expect((await runlog.directory.as(JANE).page("p", ALL)).totalCount).toBe(2);
    expect(await codeOf(runlog.directory.page("p", ALL))).toBe("platform-failed");
  });

  it("cached: are read from the API server when they do not fit, and searches when their texts do not", async () => {
    const texts = { displayName: "found", initialPrompt: "x".repeat(5_000) };
    for (const [listCacheBytes, lists] of [
      [20_000, 2],
      [100_000, 1],
      [4_000_000, 0],
    ] as const) {
      const { standIn, runlog } = await start([], { listCacheBytes });
      for (const key of keysOf(60)) standIn.put(sessionPath(key), { spec: texts });
      const query = { limit: 5, offset: 0, search: "" };
      expect((await runlog.directory.page("p", query)).totalCount).toBe(60);
      const before = standIn.requests.length;
      const again = [query, { ...query, search: "FOUND" }].map((wanted) =>
        runlog.directory.page("p", wanted),
      );
      for (const page of await Promise.all(again)) expect(page.totalCount).toBe(60);
      const listed = standIn.requests
        .slice(before)
        .filter(
          ({ path, query: asked }) => path.endsWith("agenticsessions") && !asked.has("watch"),
        );
      expect(listed).toHaveLength(lists);
    }
  });

  it("cached: release a project at which nobody looks", async () => {
    const clock = createManualClock();
    const { standIn, runlog } = await start(keysOf(1), { clock });
    await runlog.directory.page("p", ALL);
    await waitFor(() => standIn.watches === 1);
    clock.advance(11 * 60_000);
    await waitFor(() => standIn.watches === 0);
    expect((await runlog.directory.page("p", ALL)).totalCount).toBe(1);
  });

  it("direct: begin again, unseen, when their position expires, and give up when it always does", async () => {
    const { standIn, runlog } = await start(keysOf(1_200), { list: "direct" });
    let expiries = 1;
    standIn.fault = ({ query }) =>
      query.has("continue") && expiries-- > 0 ? recorded("expired") : null;
    const documents = await everything(runlog.directory.as(JANE), "p");
    expect(new Set(documents.map(({ metadata }) => metadata.name)).size).toBe(1_200);
    expiries = Infinity;
    expect(await codeOf(runlog.directory.page("p", ALL))).toBe("platform-failed");
  });

  it("direct: are no half answers: one page that fails fails the list, with what the API server says", async () => {
    const { standIn, runlog } = await start(keysOf(1_200), { list: "direct" });
    const page = (): Promise<string> => codeOf(runlog.directory.as(JANE).page("p", ALL));
    for (const [answer, code] of [
      ["forbidden", "access-denied"],
      ["unauthorized", "token-invalid"],
    ] as const) {
      standIn.fault = ({ query }) => (query.has("continue") ? recorded(answer) : null);
      expect(await page()).toBe(code);
    }
    standIn.fault = ({ query }) => (query.has("continue") ? "reset" : null);
    expect(await page()).toBe("platform-failed");
  });
});

describe("kubernetes requests, on recorded answers", () => {
  it("fail with platform-failed on 429 and 500, on a connection that breaks and on silence, and are not repeated", async () => {
    const clock = createManualClock();
    const { standIn, runlog } = await start(keysOf(1), { clock });
    const key: SessionKey = { project: "p", session: "s-0" };
    /** How a request ended; one that hangs does when the longest time-out is over. */
    const failureOf = async (request: Promise<unknown>, isHanging: boolean): Promise<unknown> => {
      const before = standIn.requests.length;
      const failure = reasonOf(request);
      await waitFor(() => standIn.requests.length > before);
      if (isHanging) clock.advance(30_000);
      return failure;
    };
    const busy = { status: 429, body: { kind: "Status", reason: "TooManyRequests", code: 429 } };
    for (const fault of [busy, { status: 500, body: "no JSON" }, "reset", "hang"] as const) {
      standIn.fault = () => fault;
      const isHanging = fault === "hang";
      const before = standIn.requests.length;
      const mine = runlog.directory.as(JANE);
      for (const request of [() => mine.get(key), () => runlog.platform.check()])
        expect(await failureOf(request(), isHanging)).toMatchObject({ code: "platform-failed" });
      expect(standIn.requests.length - before).toBe(2);
      const asked = runlog.authorizer.allows(JANE, { project: "p", session: null, verb: "list" });
      expect(await failureOf(asked, isHanging)).toMatchObject({ code: "review-failed" });
    }
    standIn.fault = () => null;
    expect((await runlog.directory.as(JANE).get(key))?.metadata.name).toBe("s-0");
  });

  it("name what was asked in their errors, and neither address nor token", async () => {
    const { standIn, runlog } = await start(keysOf(1), { list: "direct" });
    standIn.fault = () => "reset";
    const error = await reasonOf(runlog.directory.as(JANE).page("p", ALL));
    expect(String(error)).toMatch(/GET \/apis\//);
    expect(String(error)).not.toMatch(/127\.0|jane-token/);
  });

  it("are made with the caller's token, and never with runlog's own instead", async () => {
    const { standIn, runlog } = await start(keysOf(1), { list: "direct" });
    const key: SessionKey = { project: "p", session: "s-0" };
    const mine = runlog.directory.as(JANE);
    await mine.get(key);
    await mine.page("p", ALL);
    await mine.update(key, (document) => document);
    await mine.create({ ...key, session: "s-1" }, { metadata: {}, spec: {} });
    await mine.delete(key);
    await mine.projectsWith("s-1");
    await runlog.platform.podEvents(key, JANE);
    expect(new Set(standIn.requests.map(({ token }) => token))).toEqual(new Set(["jane-token"]));
    const nobody: Caller = { ...JANE, token: null };
    expect(() => runlog.directory.as(nobody)).toThrow(
      expect.objectContaining({ code: "token-missing" }),
    );
  });

  it("reject with the reason of a signal that aborts", async () => {
    const { standIn, runlog } = await start(keysOf(1), { list: "direct" });
    standIn.fault = () => "hang";
    const abort = new AbortController();
    const page = runlog.directory.page("p", ALL, { signal: abort.signal });
    await waitFor(() => standIn.watches === 1);
    const reason = new Error("nobody waits");
    abort.abort(reason);
    expect(await reasonOf(page)).toBe(reason);
  });
});
