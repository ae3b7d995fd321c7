import { describe, expect, it } from "vitest";
import { parseConfig } from "../../src/config.ts";
import { kustomize, type Manifest } from "../support/kustomize.ts";

const DEPLOY = new URL("../../scripts/deploy/", import.meta.url);
/** Set by the pod for itself, in a container's environment. */
const POD_IP = "10.0.0.7";

async function rendered(folder: "base" | "replicas"): Promise<(kind: string) => Manifest> {
  const all = await kustomize(new URL(`${folder}/`, DEPLOY));
  return (kind) => {
    const found = all.filter((each) => each.kind === kind);
    expect(found).toHaveLength(1);
    return found[0];
  };
}

describe("the kustomize overlay for replicas", () => {
  it("runs three servers on different nodes, and always one while they are replaced or drained", async () => {
    const one = await rendered("replicas");
    const { spec } = one("Deployment");
    expect(spec).toMatchObject({
      replicas: 3,
      strategy: { type: "RollingUpdate", rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } },
    });
    const { labels } = spec.template.metadata;
    const terms =
      spec.template.spec.affinity.podAntiAffinity.preferredDuringSchedulingIgnoredDuringExecution;
    for (const { podAffinityTerm } of terms)
      expect(podAffinityTerm.labelSelector.matchLabels).toEqual(labels);
    expect(terms.map(({ podAffinityTerm }: Manifest) => podAffinityTerm.topologyKey)).toContain(
      "kubernetes.io/hostname",
    );
    const budget = one("PodDisruptionBudget").spec;
    expect(budget.selector.matchLabels).toEqual(labels);
    expect(budget.maxUnavailable).toBeLessThan(spec.replicas);
  });

  it("configures servers that share an object store and hear of each other by NATS", async () => {
    const { spec } = (await rendered("replicas"))("Deployment").spec.template;
    const [{ env, envFrom, ports }] = spec.containers;
    const texts = new Map<string, string>();
    for (const { name, value, valueFrom } of env) {
      if (valueFrom) expect(valueFrom).toEqual({ fieldRef: { fieldPath: "status.podIP" } });
      // the kubelet knows the variables before it only
      const text = (value ?? POD_IP).replaceAll(
        /\$\((\w+)\)/g,
        (_: string, from: string) => texts.get(from) ?? `$(${from})`,
      );
      expect(texts.has(name)).toBe(false);
      texts.set(name, text);
    }
    expect(texts.get("RUNLOG_ADVERTISE_URL")).toBe(`http://${POD_IP}:${ports[0].containerPort}`);
    texts.delete("RUNLOG_ADVERTISE_URL");
    const config = parseConfig({
      ...Object.fromEntries(texts),
      KUBERNETES_SERVICE_HOST: "10.96.0.1",
    });
    expect(config).toMatchObject({ auth: { kind: "kubernetes" }, storage: { kind: "s3" } });
    expect(config.nats?.servers).toHaveLength(1);
    expect(envFrom).toEqual([{ secretRef: { name: "runlog-object-store", optional: true } }]);
  });

  it("has no volume of its own", async () => {
    const all = await kustomize(new URL("replicas/", DEPLOY));
    expect(all.map(({ kind }) => kind)).not.toContain("PersistentVolumeClaim");
    const { spec } = (await rendered("replicas"))("Deployment").spec.template;
    const [{ volumeMounts }] = spec.containers;
    expect(spec.volumes.map(({ name }: Manifest) => name)).toEqual(["registry"]);
    expect(volumeMounts.map(({ name }: Manifest) => name)).toEqual(["registry"]);
  });

  it("lets servers reach each other and NATS", async () => {
    const one = await rendered("replicas");
    const { egress, ingress } = one("NetworkPolicy").spec;
    const own = egress.filter(({ to }: Manifest) => to?.[0].podSelector);
    expect(own).toEqual([
      {
        to: [{ podSelector: { matchLabels: one("Deployment").spec.template.metadata.labels } }],
        ports: [{ protocol: "TCP", port: 8080 }],
      },
    ]);
    expect(ingress[0].from).toContainEqual({ podSelector: {} });
    const [{ env }] = one("Deployment").spec.template.spec.containers;
    const url = env.find(({ name }: Manifest) => name === "RUNLOG_NATS_URL").value;
    const ports = egress.flatMap((rule: Manifest) => rule.ports.map(({ port }: Manifest) => port));
    expect(ports).toContain(Number(new URL(url).port));
  });

  it("leaves everything else as the base has it", async () => {
    const [base, replicas] = [await rendered("base"), await rendered("replicas")];
    for (const kind of ["Namespace", "ClusterRoleBinding", "ServiceAccount", "Service"])
      expect(replicas(kind)).toEqual(base(kind));
    const containerOf = (one: typeof base): Manifest =>
      one("Deployment").spec.template.spec.containers[0];
    const kept = [
      "image",
      "resources",
      "securityContext",
      "livenessProbe",
      "readinessProbe",
      "lifecycle",
    ];
    for (const name of kept) expect(containerOf(replicas)[name]).toEqual(containerOf(base)[name]);
  });
});
