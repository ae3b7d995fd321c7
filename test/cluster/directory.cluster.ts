import { afterAll, describe, expect, inject, it } from "vitest";
import type { ApiRequest } from "../../adapters/kubernetes/api.ts";
import { createKubernetesDirectory } from "../../adapters/kubernetes/directory.ts";
import type { Kubernetes } from "../../adapters/kubernetes/index.ts";
import { sessionPath } from "../../adapters/kubernetes/resources.ts";
import type { Caller } from "../../src/ports/authorizer.ts";
import type { SessionKey } from "../../src/ports/log-store.ts";
import type { SessionDocument } from "../../src/ports/session-directory.ts";
import { systemClock } from "../../src/entry/system-clock.ts";
import { sessionDirectoryContract } from "../contract/index.ts";
import { codeOf } from "../contract/outcome.ts";
import { everything } from "../contract/session-directory/harness.ts";
import { createAdmin } from "../../scripts/cluster/admin.ts";
import { createRunlog } from "./runlog.ts";

const kubeconfig = inject("kubeconfig");
const admin = createAdmin(kubeconfig);
afterAll(() => admin.close());

/** Projects that are there, and may hold sessions of an earlier test. */
const projects = new Set<string>();
const runners = admin.makeProject("runners").then(async () => {
  const account = await admin.makeAccount("runners", "contract");
  await admin.allowAll(account);
  return account;
});

async function having(sessions: readonly SessionKey[]): Promise<void> {
  for (const project of ["a", "a-b", "ab", "many", "man", "many-b"]) {
    if (projects.has(project)) await admin.clear(project);
    else await admin.makeProject(project);
    projects.add(project);
  }
  await admin.makeSessions(sessions);
}

sessionDirectoryContract("kubernetes, direct, with runlog's own account", {
  async create(sessions) {
    await having(sessions);
    const { directory, platform } = createRunlog({ kubeconfig, list: "direct" });
    return { directory, dispose: () => platform.close() };
  },
});

sessionDirectoryContract("kubernetes, cached, with a caller's token", {
  async create(sessions) {
    await having(sessions);
    const { directory, platform } = createRunlog({ kubeconfig });
    return { directory: directory.as(await runners), dispose: () => platform.close() };
  },
});

describe("kubernetes SessionDirectory, on a real API server", () => {
  async function withProject(
    project: string,
    body: (runlog: Kubernetes) => Promise<void>,
    list: "direct" | "cached" = "cached",
  ): Promise<void> {
    await admin.makeProject(project);
    const runlog = createRunlog({ kubeconfig, list });
    try {
      await body(runlog);
    } finally {
      await runlog.platform.close();
    }
  }

  it("keeps integers and fractions, fills in what is unset, and shows no managedFields", () =>
    withProject("numbers", async ({ directory }) => {
      const key = { project: "numbers", session: "s" };
      const spec = {
        timeout: 1234,
        inactivityTimeout: 0,
        stopOnRunFinished: true,
        llmSettings: { model: "m", temperature: 0.1, maxTokens: 8192 },
        repos: [{ url: "https://example.com/r.git", branch: "b", autoPush: true }],
        activeWorkflow: { gitUrl: "https://example.com/w.git", branch: "b2", path: "p" },
      };
      const made = await directory.create(key, { metadata: {}, spec });
      expect(made.spec).toEqual({ ...spec, displayName: "" });
      expect(made.metadata).not.toHaveProperty("managedFields");
      await admin.ask("PUT", `${sessionPath(key)}/status`, {
        ...(await admin.ask<object>("GET", sessionPath(key))),
        status: { phase: "Running", observedGeneration: 7, sdkRestartCount: 2 },
      });
      const read = await directory.get(key);
      expect(read?.status).toEqual({ phase: "Running", observedGeneration: 7, sdkRestartCount: 2 });
      const after = await directory.update(key, (document) => document);
      expect(after?.status).toEqual(read?.status);
      expect(after?.metadata["resourceVersion"]).toBe(read?.metadata["resourceVersion"]);
    }));

  it("does not write into a resource what only its document had filled in", () =>
    withProject("fillers", async ({ directory }) => {
      const key = { project: "fillers", session: "s" };
      await admin.makeSessions([key], { initialPrompt: "p" });
      await directory.update(key, ({ spec, ...document }) => ({
        ...document,
        spec: { ...spec, initialPrompt: "q" },
      }));
      const { spec } = await admin.ask<{ spec: object }>("GET", sessionPath(key));
      expect(spec).toEqual({ initialPrompt: "q", timeout: 300 });
    }));

  it.each(["direct", "cached"] as const)(
    "lists 5,000 sessions, many of equal age, in disjoint and complete pages: %s",
    (list) =>
      withProject(
        `thousands-${list}`,
        async ({ directory }) => {
          const project = `thousands-${list}`;
          const names = Array.from({ length: 5_000 }, (_, i) => `session-${(i * 7919) % 5_000}`);
          await admin.makeSessions(names.map((session) => ({ project, session })));
          const documents = await (list === "cached"
            ? everything(directory, project)
            : somePages(directory, project));
          const shown = documents.map(({ metadata }) => metadata.name);
          expect(new Set(shown).size).toBe(shown.length);
          if (list === "cached") expect(shown.toSorted()).toEqual(names.toSorted());
          const ages = documents.map(({ metadata }) => String(metadata["creationTimestamp"]));
          expect(new Set(ages).size).toBeLessThan(shown.length / 10);
          expect(ages).toEqual(ages.toSorted().toReversed());
        },
        list,
      ),
  );

  it("loses no change that several processes make at once", () =>
    withProject("conflicts", async ({ directory }) => {
      const key = { project: "conflicts", session: "s" };
      await directory.create(key, { metadata: {}, spec: {} });
      const other = createRunlog({ kubeconfig });
      const names = ["a", "b", "c", "d", "e", "f"];
      await Promise.all(
        names.map((name, i) => {
          const one = i % 2 === 0 ? directory : other.directory;
          return one.update(key, (document) => annotated(document, name));
        }),
      );
      await other.platform.close();
      const { annotations = {} } = (await directory.get(key))?.metadata ?? {};
      expect(Object.keys(annotations).toSorted()).toEqual(names);
    }));

  it("gives up with session-conflict when somebody else is faster five times", () =>
    withProject("outrun", async ({ directory, authorizer }) => {
      const key = { project: "outrun", session: "s" };
      const path = sessionPath(key);
      await directory.create(key, { metadata: {}, spec: {} });
      let writes = 0;
      const outrun = createKubernetesDirectory({
        api: {
          ...admin.api,
          async json<T>(request: ApiRequest): Promise<T> {
            if (request.method === "PUT") {
              const before = await admin.ask<object>("GET", path);
              await admin.ask("PUT", path, { ...before, spec: { displayName: `${++writes}` } });
            }
            return admin.api.json<T>(request);
          },
        },
        clock: systemClock,
        registry: { read: () => Promise.resolve(null) },
        runnerUrl: "http://runner.invalid/",
        cache: null,
        authorizer,
      });
      const update = outrun.update(key, (document) => annotated(document, "late"));
      expect(await codeOf(update)).toBe("session-conflict");
      expect(writes).toBe(5);
      expect((await directory.get(key))?.metadata).not.toHaveProperty("annotations");
    }));

  it("says document-too-large for what the store behind the API server does not take, and for more", () =>
    withProject("large", async ({ directory }) => {
      const key = { project: "large", session: "s" };
      for (const length of [2_000_000, 4_000_000]) {
        const spec = { initialPrompt: "x".repeat(length) };
        expect(await codeOf(directory.create(key, { metadata: {}, spec }))).toBe(
          "document-too-large",
        );
      }
      expect(await directory.get(key)).toBeNull();
    }));

  it("does with a caller's token what that may do, and nothing with its own account instead", async () => {
    await admin.makeProject("mine");
    await admin.makeProject("theirs");
    const me = await admin.makeAccount("mine", "me");
    await admin.allow("mine", me, ["get", "list", "create", "update", "delete"]);
    const theirs = { project: "theirs", session: "s" };
    await admin.makeSessions([theirs, { project: "mine", session: "s" }]);
    // one runlog shows a client certificate, which would count more than any token
    for (const path of [kubeconfig, inject("certificateKubeconfig")]) {
      const runlog = createRunlog({ kubeconfig: path });
      // what is cached for others must not be shown to this caller
      expect((await runlog.directory.page("theirs", ALL)).totalCount).toBe(1);
      const mine = runlog.directory.as(me);
      expect((await mine.page("mine", ALL)).totalCount).toBe(1);
      const refused = [
        mine.page("theirs", ALL),
        mine.get(theirs),
        mine.create({ ...theirs, session: "t" }, { metadata: {}, spec: {} }),
        mine.update(theirs, (document) => document),
        mine.delete(theirs),
        mine.projectsWith("s"),
      ];
      expect(await Promise.all(refused.map(codeOf))).toEqual(refused.map(() => "access-denied"));
      const nobody: Caller = { ...me, token: "not-a-token" };
      expect(await codeOf(runlog.directory.as(nobody).get(theirs))).toBe("token-invalid");
      await runlog.platform.close();
    }
    expect(await codeOf(Promise.resolve().then(() => createAsNobody()))).toBe("token-missing");
  });
});

function annotated({ metadata, ...document }: SessionDocument, name: string): SessionDocument {
  return {
    ...document,
    metadata: { ...metadata, annotations: { ...metadata.annotations, [name]: "1" } },
  };
}

const ALL = { limit: 100, offset: 0, search: "" };

async function createAsNobody(): Promise<void> {
  const runlog = createRunlog({ kubeconfig });
  try {
    runlog.directory.as({ userId: "u", userName: "u", groups: [], token: null });
  } finally {
    await runlog.platform.close();
  }
}

/** Pages from the beginning, the middle and the end, each a whole pass. */
async function somePages(directory: Kubernetes["directory"], project: string) {
  const pages = await Promise.all(
    [0, 100, 2_500, 4_900].map((offset) =>
      directory.page(project, { limit: 100, offset, search: "" }),
    ),
  );
  for (const { totalCount } of pages) expect(totalCount).toBe(5_000);
  return pages.flatMap(({ documents }) => documents);
}
