import { readFile } from "node:fs/promises";
import { KubernetesObjectApi, KubeConfig, loadYaml } from "@kubernetes/client-node";
import { type ApiRequest, type Api, createApi, OWN } from "../../adapters/kubernetes/api.ts";
import { createCluster } from "../../adapters/kubernetes/cluster.ts";
import { inParallel } from "../../adapters/kubernetes/in-parallel.ts";
import { sessionPath, sessionsPath } from "../../adapters/kubernetes/resources.ts";
import { systemClock } from "../../src/entry/system-clock.ts";
import type { Caller } from "../../src/ports/authorizer.ts";
import type { SessionKey } from "../../src/ports/log-store.ts";

const CRD = new URL("../deploy/base/crd.yaml", import.meta.url);
const SESSION_RULE = { apiGroups: ["vteam.ambient-code"], resources: ["agenticsessions"] };
const BATCH = 32;

/** An API server as its administrator uses it. */
export interface ClusterAdmin {
  readonly api: Api;
  /** Asks as the administrator. */
  ask<T>(method: ApiRequest["method"], path: string, body?: unknown): Promise<T>;
  makeProject(name: string): Promise<void>;
  /** Makes sessions, with this spec each. */
  makeSessions(keys: readonly SessionKey[], spec?: unknown): Promise<void>;
  clear(project: string): Promise<void>;
  /** Makes a service account; gives its user, as runlog sees it, with a token. */
  makeAccount(project: string, name: string, annotations?: Record<string, string>): Promise<Caller>;
  /** Lets an account do this with a project's sessions, or one; gives what takes it away again. */
  allow(
    project: string,
    account: Caller,
    verbs: readonly string[],
    session?: string | null,
  ): Promise<() => Promise<void>>;
  /** Lets an account do everything with sessions everywhere. */
  allowAll(account: Caller): Promise<void>;
  close(): Promise<void>;
}

export function createAdmin(kubeconfig: string): ClusterAdmin {
  const cluster = createCluster(kubeconfig, systemClock);
  const api = createApi(cluster, systemClock);
  let names = 0;

  const ask = <T>(method: ApiRequest["method"], path: string, body?: unknown): Promise<T> =>
    api.json<T>({ account: OWN, method, path, ...(body !== undefined && { body }) });

  async function bind(
    path: string,
    kind: "Role" | "ClusterRole",
    account: Caller,
    verbs: readonly string[],
    session: string | null = null,
  ): Promise<() => Promise<void>> {
    const metadata = { name: `test-${++names}-${account.userId}` };
    const group = "rbac.authorization.k8s.io";
    const [, , namespace, name] = account.userName?.split(":") ?? [];
    await ask("POST", `${path}/${kind.toLowerCase()}s`, {
      metadata,
      rules: [{ ...SESSION_RULE, verbs, ...(session !== null && { resourceNames: [session] }) }],
    });
    await ask("POST", `${path}/${kind.toLowerCase()}bindings`, {
      metadata,
      roleRef: { apiGroup: group, kind, name: metadata.name },
      subjects: [{ kind: "ServiceAccount", namespace, name }],
    });
    return async () => {
      await ask("DELETE", `${path}/${kind.toLowerCase()}bindings/${metadata.name}`);
    };
  }

  return {
    api,
    ask,

    async makeProject(name) {
      await ask("POST", "/api/v1/namespaces", { metadata: { name } });
    },

    async makeSessions(keys, spec = {}) {
      await inParallel(keys, BATCH, ({ project, session: name }) =>
        ask("POST", sessionsPath(project), {
          apiVersion: "vteam.ambient-code/v1alpha1",
          kind: "AgenticSession",
          metadata: { name, namespace: project },
          spec,
        }),
      );
    },

    async clear(project) {
      await ask("DELETE", sessionsPath(project));
    },

    async makeAccount(project, name, annotations = {}) {
      const path = `/api/v1/namespaces/${project}/serviceaccounts`;
      await ask("POST", path, { metadata: { name, annotations } });
      const { status } = await ask<{ status: { token: string } }>("POST", `${path}/${name}/token`, {
        apiVersion: "authentication.k8s.io/v1",
        kind: "TokenRequest",
        spec: { audiences: ["https://kubernetes.default.svc"] },
      });
      const userName = `system:serviceaccount:${project}:${name}`;
      return { userId: `${project}-${name}`, userName, groups: [], token: status.token };
    },

    allow: (project, account, verbs, session) =>
      bind(
        `/apis/rbac.authorization.k8s.io/v1/namespaces/${project}`,
        "Role",
        account,
        verbs,
        session,
      ),

    async allowAll(account) {
      await bind("/apis/rbac.authorization.k8s.io/v1", "ClusterRole", account, ["*"]);
    },

    close: () => cluster.close(),
  };
}

/** Makes the custom resource known, as somebody without the operator would. */
export async function applyCrd(kubeconfig: string, admin: ClusterAdmin): Promise<void> {
  const config = new KubeConfig();
  config.loadFromFile(kubeconfig);
  const crd = loadYaml(await readFile(CRD, "utf8"));
  await KubernetesObjectApi.makeApiClient(config).create(crd as { kind: string });
  await admin.makeProject("probe");
  for (;;) {
    // the API server takes a second to serve it
    const made = await admin
      .makeSessions([{ project: "probe", session: "probe" }])
      .catch((error: unknown) => error);
    if (made === undefined) break;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  await admin.ask("DELETE", sessionPath({ project: "probe", session: "probe" }));
}
