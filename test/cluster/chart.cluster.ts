import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { createAdmin } from "../../scripts/cluster/admin.ts";
import { waitFor } from "../contract/wait-for.ts";
import { type Config, parseConfig } from "../../src/config.ts";
import { ALL_SETTINGS } from "../../src/config/settings.ts";
import { renderChart, valuesFile } from "../support/helm.ts";
import { freshDir } from "../support/server-process.ts";
import { kustomize, type Manifest, parseManifests } from "../support/kustomize.ts";
import { expectTaken, pathOf } from "./dry-run.ts";

const DEPLOY = new URL("../../scripts/deploy/", import.meta.url);
const NAMESPACE = "runlog-chart";
const SETS = ["cluster", "replicas", "tokens", "jwt", "metrics"];
const CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";

const admin = createAdmin(inject("kubeconfig"));
afterAll(() => admin.close());

beforeAll(async () => {
  for (const project of [NAMESPACE, "team-a", "team-b"]) await admin.makeProject(project);
  const yaml = await readFile(new URL("service-monitor-crd.yaml", import.meta.url), "utf8");
  const [crd] = parseManifests(yaml);
  await admin.ask("POST", CRDS, crd);
  const served = `/apis/monitoring.coreos.com/v1/namespaces/${NAMESPACE}/servicemonitors`;
  await waitFor(() => admin.ask<object>("GET", served).catch(() => null), {
    what: "the custom resource to be served",
  });
});

/** A file with values, which are YAML as JSON is; goes with the test. */
async function valuesOf(values: object): Promise<string> {
  const file = join(await freshDir(), "values.yaml");
  await writeFile(file, JSON.stringify(values));
  return file;
}

/** The configuration of a chart's server, in a cluster. */
function configOf({ spec }: Manifest): Config {
  const [{ env }] = spec.template.spec.containers;
  const texts = new Map<string, string>([["KUBERNETES_SERVICE_HOST", "10.96.0.1"]]);
  for (const { name, value } of env) {
    expect(texts.has(name), name).toBe(false);
    // the kubelet knows the variables before it only
    const given = (value ?? "10.0.0.7").replaceAll(
      /\$\((\w+)\)/g,
      (_: string, from: string) => texts.get(from) ?? `$(${from})`,
    );
    texts.set(name, given);
  }
  return parseConfig(Object.fromEntries(texts));
}

describe("the Helm chart", () => {
  it("is tried with every set of values that it has", async () => {
    const files = await readdir(new URL("chart/ci/", DEPLOY));
    expect(files.toSorted()).toEqual(SETS.map((name) => `${name}-values.yaml`).toSorted());
  });

  it.each(SETS)("is taken by the API server with the values of %s", async (name) => {
    const { manifests } = await renderChart([valuesFile(name)], NAMESPACE);
    for (const manifest of manifests) await expectTaken(admin, manifest, NAMESPACE);
  });

  it.each([
    ["cluster", { auth: { kind: "kubernetes" }, storage: { kind: "disk", dir: "/data" } }],
    [
      "replicas",
      {
        auth: { kind: "kubernetes" },
        storage: { kind: "s3", bucket: "runlog", endpoint: "http://minio.minio.svc:9000" },
        advertiseUrl: "http://10.0.0.7:8080",
        limits: { runQueue: 16 },
      },
    ],
    ["tokens", { auth: { kind: "token", tokens: { file: "/tokens/tokens" } } }],
    ["jwt", { auth: { kind: "jwt", audience: "runlog" }, storage: { kind: "disk" } }],
  ])("configures a server with the values of %s", async (name, expected) => {
    const { one } = await renderChart([valuesFile(name)]);
    const deployment = one("Deployment");
    const config = configOf(deployment);
    expect(config).toMatchObject({ host: "0.0.0.0", port: 8080, ...expected });
    const { spec } = deployment.spec.template;
    const [{ volumeMounts }] = spec.containers;
    expect(volumeMounts.map((each: Manifest) => each.name).toSorted()).toEqual(
      spec.volumes.map((each: Manifest) => each.name).toSorted(),
    );
    // preStop, the drain, and what follows it
    const graceMs = spec.terminationGracePeriodSeconds * 1000;
    expect(graceMs).toBeGreaterThanOrEqual(config.limits.drainMs + 30_000);
  });

  it("has the pod of the kustomize base, where both are the same", async () => {
    const base = (await kustomize(new URL("base/", DEPLOY))).find(
      ({ kind }) => kind === "Deployment",
    );
    const { one } = await renderChart([valuesFile("cluster")]);
    const [{ spec: chart }, { spec: plain }] = [
      one("Deployment").spec.template,
      base.spec.template,
    ];
    for (const name of ["securityContext", "enableServiceLinks", "terminationGracePeriodSeconds"])
      expect(chart[name], name).toEqual(plain[name]);
    const parts = ["livenessProbe", "readinessProbe", "startupProbe", "lifecycle", "resources"];
    for (const name of [...parts, "securityContext"])
      expect(chart.containers[0][name], name).toEqual(plain.containers[0][name]);
    const crd = new URL("chart/crds/crd.yaml", DEPLOY);
    expect(await readFile(crd, "utf8")).toBe(
      await readFile(new URL("base/crd.yaml", DEPLOY), "utf8"),
    );
  });

  it("finds its pods by the same labels everywhere, and names no others", async () => {
    for (const name of SETS) {
      const { manifests, one } = await renderChart([valuesFile(name)]);
      const { labels } = one("Deployment").spec.template.metadata;
      const selectors = manifests.flatMap(({ kind, spec }) => {
        if (kind === "Deployment" || kind === "PodDisruptionBudget")
          return [spec.selector.matchLabels];
        if (kind === "NetworkPolicy") return [spec.podSelector.matchLabels];
        return kind === "Service" ? [spec.selector] : [];
      });
      expect(selectors.length).toBeGreaterThanOrEqual(2);
      for (const selector of selectors) {
        expect(labels).toMatchObject(selector);
        const job = manifests.find(({ kind }) => kind === "CronJob");
        expect(job?.spec.jobTemplate.spec.template.metadata.labels ?? {}).not.toMatchObject(
          selector,
        );
      }
    }
  });

  it("archives by a command that there is, with nothing but what the account may", async () => {
    const { one, manifests } = await renderChart([valuesFile("cluster")]);
    const { spec } = one("CronJob").spec.jobTemplate.spec.template;
    expect(spec.containers[0].args[0]).toContain("for project in team-a team-b; do");
    expect(spec.containers[0].args[0]).toContain("runlog archive --server http://runlog:8080");
    expect(spec.serviceAccountName).toBe("runlog-archive");
    const roles = manifests.filter(({ kind }) => kind === "Role");
    expect(roles.map(({ metadata }) => metadata.namespace)).toEqual(["team-a", "team-b"]);
  });

  it("lets a stream through an Ingress for as long as it lasts", async () => {
    const { one } = await renderChart([valuesFile("replicas")]);
    const { metadata, spec } = one("Ingress");
    const nginx = (name: string): string =>
      metadata.annotations[`nginx.ingress.kubernetes.io/${name}`];
    // a heartbeat comes every 15 s
    expect(Number(nginx("proxy-read-timeout"))).toBeGreaterThanOrEqual(3600);
    expect(nginx("proxy-buffering")).toBe("off");
    expect(nginx("proxy-body-size")).toBe("16m");
    expect(metadata.annotations["cert-manager.io/cluster-issuer"]).toBe("letsencrypt");
    expect(spec.tls).toEqual([{ hosts: ["runlog.example"], secretName: "runlog-tls" }]);
  });
});

describe("what the chart's account may", () => {
  it("reads Secrets of the projects that it serves, and of no others", async () => {
    const { manifests } = await renderChart([valuesFile("cluster")], NAMESPACE);
    const kinds = ["ClusterRole", "ClusterRoleBinding", "RoleBinding", "Role"];
    const ours = manifests.filter(({ kind }) => kinds.includes(kind));
    for (const manifest of ours) await admin.ask("POST", pathOf(manifest, NAMESPACE), manifest);
    const may = async (verb: string, resource: string, namespace: string | null) => {
      const [name = "", group = ""] = resource.split(/\.(.*)/);
      const review = await admin.ask<Manifest>(
        "POST",
        "/apis/authorization.k8s.io/v1/subjectaccessreviews",
        {
          spec: {
            user: `system:serviceaccount:${NAMESPACE}:runlog`,
            groups: ["system:serviceaccounts", "system:authenticated"],
            resourceAttributes: { verb, resource: name, group, ...(namespace && { namespace }) },
          },
        },
      );
      return review.status.allowed;
    };
    await waitFor(async () => may("get", "secrets", "team-b"), { what: "the rules to be known" });
    expect(await may("get", "secrets", "team-a")).toBe(true);
    expect(await may("list", "pods", "team-a")).toBe(true);
    expect(await may("get", "secrets", "default")).toBe(false);
    expect(await may("list", "secrets", "team-a")).toBe(false);
    expect(await may("watch", "agenticsessions.vteam.ambient-code", null)).toBe(true);
    expect(await may("delete", "agenticsessions.vteam.ambient-code", "team-a")).toBe(false);
  });
});

describe("values that make no server", () => {
  it.each([
    [{ replicas: 3 }, "a volume has one server"],
    [{ replicas: "3" }, "replicas"],
    [{ storage: { kind: "object" } }, "storage.object.url"],
    [{ auth: { mode: "none" } }, "auth.mode"],
    [{ auth: { mode: "token" } }, "runnerUrl"],
    [{ auth: { mode: "jwt" }, runnerUrl: "http://a/" }, "auth.jwt.issuer"],
    [{ rbac: { projects: ["a"], allProjects: true } }, "exclude each other"],
    [{ archive: { schedule: "@daily" } }, "archive.url"],
    [{ ingress: { enabled: true } }, "ingress.host"],
    [{ ingres: { enabled: true } }, "ingres"],
    [{ image: { digest: "latest" } }, "image.digest"],
  ])("are refused with what is wrong: %j", async (values, text) => {
    await expect(renderChart([await valuesOf(values)])).rejects.toThrow(text);
  });
});

it("names no setting that there is not", async () => {
  const helpers = await readFile(new URL("chart/templates/_helpers.tpl", DEPLOY), "utf8");
  const names = [...helpers.matchAll(/name: ([A-Z][A-Z0-9_]+)/g)].map(([, name]) => name);
  // the metrics' port is one of the telemetry's
  const known = new Set(["POD_IP", "RUNLOG_METRICS_PORT", ...ALL_SETTINGS.map(({ name }) => name)]);
  expect(names.length).toBeGreaterThan(8);
  expect(names.filter((name) => !known.has(name ?? ""))).toEqual([]);
});

it("tells after an installation what is left to do", async () => {
  const { notes } = await renderChart([await valuesOf({})]);
  expect(notes).toContain("It serves no project yet");
  const served = await renderChart([valuesFile("cluster")]);
  expect(served.notes).toContain("team-a, team-b");
});
