import { type Read, type Setting, setting, text } from "./setting.ts";
import { oneOf, readNetworks } from "./values.ts";

export interface KubernetesConfig {
  readonly kind: "kubernetes";
  /** Whether lists are read from the API server each time, or kept by a watch. */
  readonly list: "direct" | "cached";
  /** Addresses and CIDR blocks whose identity headers are believed. */
  readonly trustedProxies: readonly string[];
  /** File that lists the types of runners. */
  readonly registryPath: string;
  /** Kubeconfig file, or null: the server runs in its cluster. */
  readonly kubeconfig: string | null;
  /** Runners reach their models without keys of the project. */
  readonly useVertex: boolean;
}

export interface ClusterSettings {
  readonly list: Setting<"cached" | "direct">;
  readonly trustedProxies: Setting<readonly string[]>;
  readonly registryPath: Setting<string>;
  readonly kubeconfig: Setting<string | null>;
  readonly useVertex: Setting<string | null>;
}

const REGISTRY_PATH = "/config/registry/agent-registry.json";

/** What counts in a Kubernetes cluster only. */
export const CLUSTER_SETTINGS: ClusterSettings = {
  list: setting<"cached" | "direct">("RUNLOG_LIST", "cached", oneOf("cached", "direct"), {
    shown: "cached",
    meaning: "in a cluster: cached (a watch keeps the sessions) or direct (each list is read)",
    form: "cached or direct",
    group: "Cluster",
  }),
  trustedProxies: setting<readonly string[]>("RUNLOG_TRUSTED_PROXIES", [], readNetworks, {
    shown: "",
    meaning: "in a cluster: addresses or CIDR blocks whose identity headers are believed",
    form: "addresses or CIDR blocks",
    group: "Cluster",
  }),
  registryPath: setting("AGENT_REGISTRY_PATH", REGISTRY_PATH, (given) => given, {
    shown: REGISTRY_PATH,
    form: "a text",
    meaning: "in a cluster: the types of runners and their ports",
    group: "Cluster",
  }),
  kubeconfig: text("KUBECONFIG", {
    shown: "",
    meaning: "with RUNLOG_AUTH=kubernetes, outside the cluster: how its API server is reached",
    group: "Cluster",
  }),
  useVertex: text("USE_VERTEX", {
    shown: "",
    meaning: "in a cluster, true: runners need no keys of their project",
    group: "Cluster",
  }),
};

export function readCluster(value: Read): KubernetesConfig {
  return {
    kind: "kubernetes",
    list: value(CLUSTER_SETTINGS.list),
    trustedProxies: value(CLUSTER_SETTINGS.trustedProxies),
    registryPath: value(CLUSTER_SETTINGS.registryPath),
    kubeconfig: value(CLUSTER_SETTINGS.kubeconfig),
    useVertex: /^(1|true)$/i.test(value(CLUSTER_SETTINGS.useVertex) ?? ""),
  };
}
