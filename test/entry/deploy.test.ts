import { readdir, readFile } from "node:fs/promises";
import { loadAllYaml } from "@kubernetes/client-node";
import { describe, expect, it } from "vitest";
import { startCommand } from "../../scripts/bench/server-process.ts";
import { createMemoryPlatform, createMemoryLogStore } from "../../adapters/memory/index.ts";
import { type Config, parseConfig } from "../../src/config.ts";
import { newSession } from "../../src/core/documents/new-session.ts";
import { systemClock } from "../../src/entry/system-clock.ts";
import { createProbeRoutes } from "../../src/http/probe-routes.ts";
import { freshDir, runCli, startServer } from "../support/server-process.ts";

const DEPLOY = new URL("../../scripts/deploy/", import.meta.url);
const BASE = new URL("base/", DEPLOY);

/** A manifest, of which tests look at what they know. */
// oxlint-disable-next-line typescript/no-explicit-any -- what is in it is what the tests are about
type Manifest = any;

async function manifest(file: string, kind: string, name?: string): Promise<Manifest> {
  const all = loadAllYaml(await readFile(new URL(file, BASE), "utf8"));
  const found = all.filter(
    (each) => each.kind === kind && (name === undefined || each.metadata.name === name),
  );
  expect(found).toHaveLength(1);
  return found[0];
}

async function pod(): Promise<Manifest> {
  const deployment = await manifest("deployment.yaml", "Deployment");
  return deployment.spec.template;
}

async function container(): Promise<Manifest> {
  const { spec } = await pod();
  expect(spec.containers).toHaveLength(1);
  return spec.containers[0];
}

/** The configuration of a container with these variables, in a cluster. */
function configOf(env: Manifest): Config {
  const own = env.map(({ name, value }: Manifest) => [name, value]);
  return parseConfig({ ...Object.fromEntries(own), KUBERNETES_SERVICE_HOST: "10.96.0.1" });
}

describe("the kustomize base", () => {
  it("names every manifest that there is", async () => {
    const { resources, namespace } = await manifest("kustomization.yaml", "Kustomization");
    const files = (await readdir(BASE)).filter((name) => name !== "kustomization.yaml");
    expect(resources.toSorted()).toEqual(files.toSorted());
    expect((await manifest("namespace.yaml", "Namespace")).metadata.name).toBe(namespace);
  });

  it("runs one server at a time, within 512 MiB, without root and without a place to write to", async () => {
    const { spec } = await manifest("deployment.yaml", "Deployment");
    expect(spec).toMatchObject({ replicas: 1, strategy: { type: "Recreate" } });
    const { securityContext, resources } = await container();
    expect(resources.limits.memory).toBe("512Mi");
    expect(securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ["ALL"] },
    });
    expect((await pod()).spec.securityContext).toMatchObject({ runAsNonRoot: true });
  });

  it("configures a server that serves a cluster from its volume", async () => {
    const { env, volumeMounts, ports } = await container();
    const config = configOf(env);
    expect(config).toMatchObject({ auth: { kind: "kubernetes" }, host: "0.0.0.0" });
    expect(ports).toEqual([{ name: "http", containerPort: config.port }]);
    if (config.storage.kind !== "disk") throw new Error("Not on disk");
    const { dir } = config.storage;
    const mount = volumeMounts.find(({ mountPath }: Manifest) => mountPath === dir);
    const volume = (await pod()).spec.volumes.find(({ name }: Manifest) => name === mount.name);
    const claim = await manifest("volume.yaml", "PersistentVolumeClaim");
    expect(volume.persistentVolumeClaim.claimName).toBe(claim.metadata.name);
    if (config.auth.kind !== "kubernetes") throw new Error("No cluster");
    const registry = new URL(".", `file://${config.auth.registryPath}`).pathname;
    expect(volumeMounts.map(({ mountPath }: Manifest) => `${mountPath}/`)).toContain(registry);
  });

  it("keeps the Services of its namespace out of its environment", async () => {
    expect((await pod()).spec.enableServiceLinks).toBe(false);
  });

  it("lets a stop take as long as it may", async () => {
    const { env } = await container();
    const config = configOf(env);
    const graceMs = (await pod()).spec.terminationGracePeriodSeconds * 1000;
    const { exec } = (await container()).lifecycle.preStop;
    const preStopMs = Number(exec.command.at(-1)) * 1000;
    // ends of runs are stored and told, connections closed, activity written
    expect(graceMs).toBeGreaterThanOrEqual(preStopMs + config.limits.drainMs + 27_000);
  });

  it("probes routes that are there, and finds its pods", async () => {
    const routes = createProbeRoutes({
      quota: null,
      isStopping: () => false,
      clock: systemClock,
      store: createMemoryLogStore(),
      platform: createMemoryPlatform(),
      logger: { info() {}, warn() {}, error() {} },
    });
    const { livenessProbe, readinessProbe, startupProbe } = await container();
    for (const { httpGet } of [livenessProbe, readinessProbe, startupProbe]) {
      expect(httpGet.port).toBe("http");
      expect((await routes.request(httpGet.path)).status).toBe(200);
    }
    expect([livenessProbe, readinessProbe].map(({ httpGet }) => httpGet.path)).toEqual([
      "/health",
      "/ready",
    ]);
    const { metadata } = await pod();
    const { spec: deployment } = await manifest("deployment.yaml", "Deployment");
    const { spec: service } = await manifest("service.yaml", "Service");
    const { spec: policy } = await manifest("network-policy.yaml", "NetworkPolicy");
    for (const { matchLabels } of [
      deployment.selector,
      { matchLabels: service.selector },
      policy.podSelector,
    ])
      expect(metadata.labels).toEqual(matchLabels);
    expect(service.ports[0].targetPort).toBe("http");
  });

  it("gives its account to the server, and the account its role", async () => {
    const { namespace } = await manifest("kustomization.yaml", "Kustomization");
    const account = await manifest("service-account.yaml", "ServiceAccount");
    const role = await manifest("rbac.yaml", "ClusterRole", "runlog");
    const binding = await manifest("rbac.yaml", "ClusterRoleBinding");
    expect((await pod()).spec.serviceAccountName).toBe(account.metadata.name);
    expect(binding.roleRef.name).toBe(role.metadata.name);
    expect(binding.subjects).toEqual([
      { kind: "ServiceAccount", name: account.metadata.name, namespace },
    ]);
  });

  /** What a role gives, as `verb resource`. */
  async function rightsOf(name: string): Promise<string[]> {
    const { rules } = await manifest("rbac.yaml", "ClusterRole", name);
    return rules.flatMap(({ resources, verbs }: Manifest) =>
      resources.flatMap((resource: string) => verbs.map((verb: string) => `${verb} ${resource}`)),
    );
  }

  it("gives the account nothing by which it could act for those who have no right", async () => {
    const [everywhere, inProjects] = [await rightsOf("runlog"), await rightsOf("runlog-project")];
    const given = [...everywhere, ...inProjects];
    for (const right of given) expect(right).not.toMatch(/\*|impersonate|escalate|bind|delete/);
    const written = given.filter((right) => !/^(get|list|watch) /.test(right));
    expect(written).toEqual([
      "update agenticsessions",
      "patch agenticsessions/status",
      "create tokenreviews",
    ]);
    expect(given.filter((right) => right.endsWith(" secrets"))).toEqual(["get secrets"]);
  });

  it("reads Secrets in those projects only where it is bound to", async () => {
    expect(await rightsOf("runlog")).not.toContain("get secrets");
    const binding = await manifest("../project/role-binding.yaml", "RoleBinding");
    expect(binding.roleRef.name).toBe("runlog-project");
    const everywhere = await manifest("rbac.yaml", "ClusterRoleBinding");
    expect(binding.subjects).toEqual(everywhere.subjects);
  });
});

describe("the custom resource", () => {
  it("is the one that sessions are, with a status of its own", async () => {
    const { metadata, spec } = await manifest("crd.yaml", "CustomResourceDefinition");
    expect(metadata.name).toBe("agenticsessions.vteam.ambient-code");
    expect(spec).toMatchObject({
      group: "vteam.ambient-code",
      scope: "Namespaced",
      names: { plural: "agenticsessions", kind: "AgenticSession" },
    });
    expect(spec.versions).toMatchObject([
      { name: "v1alpha1", served: true, storage: true, subresources: { status: {} } },
    ]);
  });

  it("keeps whatever a session is made with", async () => {
    const { spec } = await manifest("crd.yaml", "CustomResourceDefinition");
    const schema = spec.versions[0].schema.openAPIV3Schema.properties.spec;
    const userContext = { userId: "u", displayName: "U", groups: ["g"] };
    const body = {
      displayName: "name",
      initialPrompt: "prompt",
      llmSettings: { model: "m", temperature: 0.5, maxTokens: 1 },
      timeout: 1,
      inactivityTimeout: 0,
      stopOnRunFinished: true,
      repos: [{ url: "u", branch: "b", autoPush: true }],
      activeWorkflow: { gitUrl: "u", branch: "b", path: "p" },
      environmentVariables: { A: "1" },
      mcpServers: { custom: { a: { b: [1] } }, disabled: ["x"] },
      sdkOptions: { max_turns: 1 },
      parent_session_id: "parent",
    };
    const made = newSession(body, { userContext, runnerEnvironment: { RUNNER_TYPE: "x" } });
    expect(Object.keys(made.spec).toSorted()).toEqual(
      (
        "displayName initialPrompt llmSettings timeout inactivityTimeout stopOnRunFinished repos " +
        "activeWorkflow environmentVariables mcpServers userContext"
      )
        .split(" ")
        .toSorted(),
    );
    expect(prunedBy(schema, made.spec)).toEqual(made.spec);
  });
});

describe("the pod of a runner with a relay", () => {
  async function relayPod(): Promise<Manifest> {
    const text = await readFile(new URL("relay/runner-pod.yaml", DEPLOY), "utf8");
    const [found, ...more] = loadAllYaml(text);
    expect(more).toEqual([]);
    return found;
  }

  it("starts the relay as npm start starts the server, without root and without a place to write to", async () => {
    const { spec } = await relayPod();
    const [relay] = spec.initContainers;
    const [script, command] = relay.args;
    expect([...relay.command, script].join(" ")).toBe(await startCommand());
    expect(command).toBe("relay");
    expect(relay.restartPolicy).toBe("Always");
    expect(relay.securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ["ALL"] },
    });
    expect(spec.securityContext.runAsNonRoot).toBe(true);
    expect(spec.enableServiceLinks).toBe(false);
  });

  it("gives the relay flags that it knows, its volume and its token, on its port", async () => {
    const { spec } = await relayPod();
    const [relay] = spec.initContainers;
    const [, ...args] = relay.args;
    const dir = await freshDir();
    const own = (arg: string): string =>
      arg.replace(/^--dir=.*/, `--dir=${dir}`).replace(/^--port=.*/, "--port=0");
    const server = await startServer({ args: args.map(own) });
    expect(server.stdout()).toContain("agent: http://127.0.0.1:9000/");
    expect(server.stdout()).toContain("at most 256.0 MiB");
    const paths = relay.volumeMounts.map(({ mountPath }: Manifest) => mountPath);
    const spool = args.find((arg: string) => arg.startsWith("--dir=")).replace("--dir=", "");
    expect(paths.some((path: string) => spool.startsWith(`${path}/`))).toBe(true);
    const [{ name, value }] = relay.env;
    expect(name).toBe("RUNLOG_RELAY_TOKEN_FILE");
    expect(paths.some((path: string) => value.startsWith(`${path}/`))).toBe(true);
    expect(args).toContain(`--port=${relay.ports[0].containerPort}`);
  });
});

describe("the Dockerfile", () => {
  it("runs what npm start runs, on Node 24 and not as root", async () => {
    const text = await readFile(new URL("Dockerfile", DEPLOY), "utf8");
    const bases = [...text.matchAll(/^FROM (\S+)/gm)].map(([, image]) => image);
    expect(new Set(bases)).toEqual(new Set(["${NODE_IMAGE}", "modules"]));
    const { packages } = await jsonOf(new URL("../../package-lock.json", DEPLOY));
    const { version } = packages["node_modules/node"];
    expect(text).toContain(`\nARG NODE_IMAGE=node:${version}-bookworm-slim\n`);
    const [, command = "[]"] = /^CMD (.*)$/m.exec(text) ?? [];
    expect((JSON.parse(command) as string[]).join(" ")).toBe(await startCommand());
    expect(text).toMatch(/^USER [1-9]\d*$/m);
    expect(text).not.toMatch(/^HEALTHCHECK (?!NONE)/m);
  });
});

async function jsonOf(path: string | URL): Promise<Manifest> {
  return JSON.parse(await readFile(path, "utf8"));
}

/** Optional peers of `runlog/testing`. */
const TESTING = ["fast-check", "vitest"];
/** What programs and pages bring along that speak to a server. */
const CLIENTS = ["@ag-ui/client", "@copilotkit/runtime", "react", "rxjs"];

it("the image has each package that a setting needs", async () => {
  const text = await readFile(new URL("Dockerfile", DEPLOY), "utf8");
  const { peerDependenciesMeta } = await jsonOf(new URL("../../package.json", DEPLOY));
  const needed = Object.keys(peerDependenciesMeta).filter(
    (name) => ![...TESTING, ...CLIENTS].includes(name),
  );
  const [, named = ""] = /with-optional\.ts (.*) \\$/m.exec(text) ?? [];
  expect(named.split(" ").toSorted()).toEqual(needed.toSorted());
});

describe("the image by itself", () => {
  /** What the last stage sets, and what it makes for whom. */
  async function imageOf(): Promise<{ env: Record<string, string>; text: string }> {
    const text = await readFile(new URL("Dockerfile", DEPLOY), "utf8");
    const last = text.slice(text.lastIndexOf("\nFROM "));
    const [, values = ""] = /^ENV (.*)$/m.exec(last) ?? [];
    const pairs = values.split(" ").map((pair) => pair.split("=", 2));
    return { env: Object.fromEntries(pairs) as Record<string, string>, text: last };
  }

  it("keeps its logs where its user may write, and listens where a published port leads", async () => {
    const { env, text } = await imageOf();
    const config = parseConfig(env);
    expect(config).toMatchObject({ host: "0.0.0.0", port: 8080, storage: { kind: "disk" } });
    const dir = config.storage.kind === "disk" ? config.storage.dir : "";
    const [, user = ""] = /^USER (\d+)$/m.exec(text) ?? [];
    expect(text).toContain(`RUN mkdir ${dir} && chown ${user}:${user} ${dir} && `);
    expect(text).toContain(`EXPOSE ${config.port}\n`);
  });

  it("says in one line what to set where nobody has said that everybody may come in", async () => {
    const { env } = await imageOf();
    const exit = await runCli({ env: { ...env, RUNLOG_AUTH: "none" } });
    expect(exit).toMatchObject({ code: 2, stdout: "" });
    expect(exit.stderr).toMatch(
      /^runlog: HOST=0\.0\.0\.0 .* set RUNLOG_AUTH, or RUNLOG_ALLOW_PUBLIC=1 .*\n$/,
    );
  });
});

/** What an API server keeps of a value: what the schema does not know is gone. */
function prunedBy(schema: Manifest, value: unknown): unknown {
  // as the client library calls it
  if (schema.x_kubernetes_preserve_unknown_fields) return value;
  if (Array.isArray(value)) return value.map((item) => prunedBy(schema.items, item));
  if (typeof value !== "object" || value === null) return value;
  const kept = Object.entries(value).flatMap(([name, member]): [string, unknown][] => {
    const own = schema.properties?.[name] ?? schema.additionalProperties;
    return own ? [[name, prunedBy(own, member)]] : [];
  });
  return Object.fromEntries(kept);
}
