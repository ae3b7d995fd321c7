import { KubeConfig } from "@kubernetes/client-node";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import type { Api } from "../../adapters/kubernetes/api.ts";
import { podEnd } from "../../adapters/kubernetes/pod-end.ts";
import { corePath, podName, sessionPath } from "../../adapters/kubernetes/resources.ts";
import { systemClock } from "../../src/entry/system-clock.ts";
import type { Caller } from "../../src/ports/authorizer.ts";
import type { SessionKey } from "../../src/ports/log-store.ts";
import { sessionPlatformContract } from "../contract/index.ts";
import { codeOf, reasonOf } from "../contract/outcome.ts";
import { waitFor } from "../contract/wait-for.ts";
import { createAdmin } from "../../scripts/cluster/admin.ts";
import { createRunlog, silent } from "./runlog.ts";

const kubeconfig = inject("kubeconfig");
const admin = createAdmin(kubeconfig);
const PROJECT = "platform";
let dir: string;
let runlog: ReturnType<typeof createRunlog>;
let caller: Caller;

const keyOf = (session: string): SessionKey => ({ project: PROJECT, session });
const never = new AbortController().signal;

beforeAll(async () => {
  await admin.makeProject(PROJECT);
  caller = await admin.makeAccount(PROJECT, "caller");
  dir = await mkdtemp(join(tmpdir(), "runlog-registry-"));
  const registryPath = join(dir, "registry.json");
  const auth = { requiredSecretKeys: ["ANTHROPIC_API_KEY"] };
  const container = { port: 9123, env: { RUNNER_TYPE: "claude-agent-sdk", X: "1" } };
  await writeFile(
    registryPath,
    JSON.stringify([
      { id: "claude-agent-sdk", container, auth },
      { id: "gated", featureGate: "new-runners", container: {} },
    ]),
  );
  runlog = createRunlog({ kubeconfig, registryPath });
});
afterAll(async () => {
  await runlog.platform.close();
  await admin.close();
  await rm(dir, { recursive: true });
});

sessionPlatformContract("kubernetes, on a real API server", {
  async create() {
    const { platform } = createRunlog({ kubeconfig });
    const token = await adminToken();
    const account: Caller = { userId: "admin", userName: "admin", groups: [], token };
    return { platform, caller: account, dispose: () => platform.close() };
  },
});

async function adminToken(): Promise<string | null> {
  const config = new KubeConfig();
  config.loadFromFile(kubeconfig);
  return config.getCurrentUser()?.token ?? null;
}

interface Resource {
  readonly metadata: { readonly annotations?: Record<string, string> };
  readonly status?: Record<string, unknown>;
}

async function makePod(key: SessionKey, containers = ["runner"]): Promise<void> {
  await admin.ask("POST", corePath(key.project, "pods", null), {
    metadata: { name: podName(key) },
    spec: {
      restartPolicy: "Never",
      containers: containers.map((name) => ({
        name,
        image: "none",
        ...(name === "runner" && { ports: [{ name: "agui", containerPort: 8001 }] }),
      })),
    },
  });
}

async function setPodStatus(key: SessionKey, status: object): Promise<void> {
  const path = corePath(key.project, "pods", podName(key));
  const pod = await admin.ask<object>("GET", path);
  await admin.ask("PUT", `${path}/status`, { ...pod, status });
}

async function deletePod(key: SessionKey): Promise<void> {
  const path = corePath(key.project, "pods", podName(key));
  await admin.ask("DELETE", path, { gracePeriodSeconds: 0 });
}

function terminated(name: string, exitCode: number, reason = "Error"): object {
  return {
    name,
    image: "none",
    imageID: "",
    ready: false,
    restartCount: 0,
    state: { terminated: { exitCode, reason } },
  };
}

function running(name: string): object {
  return { name, image: "none", imageID: "", ready: true, restartCount: 0, state: { running: {} } };
}

describe("kubernetes SessionPlatform, on a real API server", () => {
  it("answers a check", async () => {
    await runlog.platform.check();
  });

  it("writes the time of the last activity, and nothing else of the status", async () => {
    const key = keyOf("active");
    await admin.makeSessions([key]);
    const path = sessionPath(key);
    const status = { phase: "Running", observedGeneration: 3 };
    const before = await admin.ask<Resource>("GET", path);
    await admin.ask("PUT", `${path}/status`, { ...before, status });
    runlog.platform.noteActivity(key, "run-started");
    const after = await waitFor(async () => {
      const resource = await admin.ask<Resource>("GET", path);
      return resource.status?.["lastActivityTime"] ? resource : null;
    });
    expect(after.status).toEqual({
      ...status,
      lastActivityTime: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
    });
  });

  it("stops a session that is to be stopped when its run has finished, unless its runner was never reached", async () => {
    const [flagged, plain] = [keyOf("one-shot"), keyOf("plain")];
    await admin.makeSessions([flagged], { stopOnRunFinished: true });
    await admin.makeSessions([plain]);
    const annotations = async (key: SessionKey): Promise<unknown> =>
      (await admin.ask<Resource>("GET", sessionPath(key))).metadata.annotations;
    await runlog.platform.runEnded(flagged, { reached: false });
    await runlog.platform.runEnded(plain, { reached: true });
    await runlog.platform.runEnded(keyOf("absent"), { reached: true });
    expect([await annotations(flagged), await annotations(plain)]).toEqual([undefined, undefined]);
    await runlog.platform.runEnded(flagged, { reached: true });
    expect(await annotations(flagged)).toEqual({
      "ambient-code.io/desired-phase": "Stopped",
      "ambient-code.io/stop-reason": "run-finished",
    });
  });

  it.each([
    [
      "oom-killed",
      { phase: "Failed", containerStatuses: [terminated("runner", 137, "OOMKilled")] },
    ],
    ["evicted", { phase: "Failed", reason: "Evicted", message: "The node was low on memory" }],
    ["exit-3", { phase: "Failed", containerStatuses: [terminated("runner", 3)] }],
    ["exit-0", { phase: "Succeeded", containerStatuses: [terminated("runner", 0, "Completed")] }],
    [
      "exit-9",
      { phase: "Running", containerStatuses: [terminated("runner", 9), running("sidecar")] },
    ],
  ])("tells that a pod has ended: %s", async (reason, status) => {
    const key = keyOf(`pod-${reason}`);
    const ended = runlog.platform.podEnd(key, never);
    await makePod(key, ["runner", "sidecar"]);
    await setPodStatus(key, { phase: "Running" });
    await setPodStatus(key, status);
    expect(await ended).toMatchObject({ reason, message: expect.stringMatching(/pod/) });
  });

  it("tells that a pod is gone that was deleted", async () => {
    const key = keyOf("pod-gone");
    await makePod(key);
    const seen = Promise.withResolvers<void>();
    const api: Api = {
      ...admin.api,
      follow(request, read) {
        seen.resolve();
        return admin.api.follow(request, read);
      },
    };
    const ended = podEnd({ api, clock: systemClock, logger: silent, closed: never }, key, never);
    await seen.promise;
    await deletePod(key);
    expect(await ended).toMatchObject({ reason: "gone" });
  });

  it("calls no pod dead that is well, that had ended before, or that was never there", async () => {
    const [well, before, absent] = [keyOf("pod-well"), keyOf("pod-before"), keyOf("pod-absent")];
    await makePod(well, ["runner", "sidecar"]);
    await makePod(before);
    await setPodStatus(before, { phase: "Failed", containerStatuses: [terminated("runner", 1)] });
    const abort = new AbortController();
    const ends = [well, before, absent].map((key) => runlog.platform.podEnd(key, abort.signal));
    await setPodStatus(well, {
      phase: "Running",
      containerStatuses: [running("runner"), terminated("sidecar", 1)],
    });
    const witness = runlog.platform.podEnd(keyOf("pod-witness"), never);
    await makePod(keyOf("pod-witness"));
    await setPodStatus(keyOf("pod-witness"), { phase: "Running" });
    await setPodStatus(keyOf("pod-witness"), { phase: "Failed", reason: "Evicted" });
    expect((await witness).reason).toBe("evicted");
    const reason = new Error("the run is over");
    abort.abort(reason);
    for (const end of ends) expect(await reasonOf(end)).toBe(reason);
  });

  it("shows what happened to the pod, oldest first, to those who may see it", async () => {
    const key = keyOf("pod-events");
    const event = (name: string, reason: string, lastTimestamp: string, pod: string): object => ({
      metadata: { name },
      involvedObject: { kind: "Pod", namespace: PROJECT, name: pod },
      type: "Warning",
      reason,
      message: `${reason} happened`,
      lastTimestamp,
      count: 2,
    });
    const path = corePath(PROJECT, "events", null);
    await admin.ask("POST", path, event("e1", "Late", "2026-01-02T00:00:00Z", podName(key)));
    await admin.ask("POST", path, event("e2", "Early", "2026-01-01T00:00:00Z", podName(key)));
    await admin.ask("POST", path, event("e3", "Other", "2026-01-01T00:00:00Z", "other-runner"));
    expect(await codeOf(runlog.platform.podEvents(key, caller))).toBe("access-denied");
    await admin.ask("POST", `/apis/rbac.authorization.k8s.io/v1/namespaces/${PROJECT}/roles`, {
      metadata: { name: "events" },
      rules: [{ apiGroups: [""], resources: ["events"], verbs: ["list"] }],
    });
    await admin.ask(
      "POST",
      `/apis/rbac.authorization.k8s.io/v1/namespaces/${PROJECT}/rolebindings`,
      {
        metadata: { name: "events" },
        roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: "events" },
        subjects: [{ kind: "ServiceAccount", namespace: PROJECT, name: "caller" }],
      },
    );
    const events = await waitFor(() => runlog.platform.podEvents(key, caller).catch(() => null));
    expect(events.map(({ reason, timestamp, count }) => [reason, timestamp, count])).toEqual([
      ["Early", "2026-01-01T00:00:00Z", 2],
      ["Late", "2026-01-02T00:00:00Z", 2],
    ]);
  });

  it("gives the environment of a runner for which the project has a key, and refuses others", async () => {
    const choose = (runnerType: string): Promise<unknown> =>
      runlog.platform.runnerEnvironment({ project: PROJECT, runnerType, model: "m", caller });
    expect(await codeOf(choose("gated"))).toBe("invalid-input");
    expect(await codeOf(choose("unknown"))).toBe("invalid-input");
    expect(await reasonOf(choose("claude-agent-sdk"))).toMatchObject({
      code: "invalid-input",
      message:
        "Runner 'claude-agent-sdk' requires at least one of [ANTHROPIC_API_KEY] in ambient-runner-secrets. " +
        "Configure keys in Project Settings or enable Vertex AI.",
    });
    const path = corePath(PROJECT, "secrets", null);
    const stringData = { ANTHROPIC_API_KEY: "k" };
    await admin.ask("POST", path, { metadata: { name: "ambient-runner-secrets" }, stringData });
    expect(await choose("claude-agent-sdk")).toEqual({ RUNNER_TYPE: "claude-agent-sdk", X: "1" });
  });

  it("finds the port of a session's runner by its type", async () => {
    await admin.makeSessions([keyOf("typed")], {
      environmentVariables: { RUNNER_TYPE: "claude-agent-sdk" },
    });
    await admin.makeSessions([keyOf("untyped")]);
    const address = (name: string): Promise<string> => runlog.directory.addressOf(keyOf(name));
    expect(await address("typed")).toBe("http://session-typed.platform.svc.cluster.local:9123/");
    expect(await address("untyped")).toBe(
      "http://session-untyped.platform.svc.cluster.local:8001/",
    );
    expect(await address("absent")).toBe("http://session-absent.platform.svc.cluster.local:8001/");
  });

  it("reads a session's token by project and session, again when asked afresh, and null where there is none", async () => {
    const key = keyOf("tokens");
    const path = corePath(PROJECT, "secrets", null);
    const name = "ambient-runner-token-tokens";
    const { sessionToken } = runlog;
    expect(await sessionToken(key, { fresh: false })).toBeNull();
    await admin.ask("POST", path, { metadata: { name }, stringData: { "agui-token": "one" } });
    expect(await sessionToken(key, { fresh: true })).toBe("one");
    await admin.ask("PUT", `${path}/${name}`, {
      metadata: { name },
      stringData: { "agui-token": "two" },
    });
    expect(await sessionToken(key, { fresh: false })).toBe("one");
    expect(await sessionToken(key, { fresh: true })).toBe("two");
    expect(await sessionToken({ ...key, project: "default" }, { fresh: false })).toBeNull();
  });

  it("writes what was noted before it closes", async () => {
    const key = keyOf("closing");
    await admin.makeSessions([key]);
    const own = createRunlog({ kubeconfig });
    own.platform.noteActivity(key, "event");
    await own.platform.close();
    const { status } = await admin.ask<Resource>("GET", sessionPath(key));
    expect(status).toHaveProperty("lastActivityTime");
  });
});
