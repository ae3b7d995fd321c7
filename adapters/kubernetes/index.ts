import type { Authorizer } from "../../src/ports/authorizer.ts";
import type { Clock } from "../../src/ports/clock.ts";
import type { Logger } from "../../src/ports/logger.ts";
import type { SessionDirectory } from "../../src/ports/session-directory.ts";
import type { SessionPlatform } from "../../src/ports/session-platform.ts";
import { CLUSTER_RUNNER_URL } from "./addresses.ts";
import { createApi } from "./api.ts";
import { createKubernetesAuthorizer } from "./authorizer.ts";
import { createCluster } from "./cluster.ts";
import { createKubernetesDirectory } from "./directory.ts";
import { createListCache } from "./list-cache.ts";
import { peersAmong } from "./peers.ts";
import { createKubernetesPlatform } from "./platform.ts";
import { createRegistry } from "./registry.ts";
import { createSessionTokens, type SessionTokens } from "./session-token.ts";

export type { SessionTokens } from "./session-token.ts";

export interface KubernetesOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Path of a kubeconfig file; its current context counts. Default: the cluster this process is in. */
  readonly kubeconfig?: string | null;
  /** Where runners are: `{session}`, `{project}` and `{port}` are filled in. Default: their services. */
  readonly runnerUrl?: string;
  /** File that lists the kinds of runners. Default `/config/registry/agent-registry.json`. */
  readonly registryPath?: string;
  /** Default `cached`: a list and a watch a project. `direct`: every list is read from the API server. */
  readonly list?: "cached" | "direct";
  /** What the cached lists of all projects may take. Default 64 MiB. */
  readonly listCacheBytes?: number;
  /** Addresses and networks whose identity headers are trusted. Default: none. */
  readonly trustedProxies?: readonly string[];
  /** Runners reach their models without keys of the project. Default: false. */
  readonly useVertex?: boolean;
}

/** The adapters of a cluster. `platform.close` releases the resources of all of them. */
export interface Kubernetes {
  readonly directory: SessionDirectory;
  readonly authorizer: Authorizer;
  readonly platform: SessionPlatform;
  readonly sessionToken: SessionTokens;
}

const REGISTRY_PATH = "/config/registry/agent-registry.json";
const LIST_CACHE_BYTES = 64 * 1024 * 1024;

/**
 * The cluster's part of runlog, over the API server. Of its objects it reads and writes the custom
 * resources `agenticsessions`, and reads pods, events, secrets and service accounts.
 *
 * Throws TypeError for an invalid kubeconfig or trusted proxy; whether the API server can
 * be reached shows at the first call (`platform.check`).
 *
 * @example
 * ```ts
 * import { createKubernetes } from "runlog/kubernetes";
 * import { stderrLogger, systemClock } from "runlog/node";
 *
 * const cluster = createKubernetes({ clock: systemClock, logger: stderrLogger });
 * const { directory, authorizer, platform } = cluster;
 * ```
 */
export function createKubernetes(options: KubernetesOptions): Kubernetes {
  const { clock, logger, kubeconfig = null, list = "cached", useVertex = false } = options;
  const cluster = createCluster(kubeconfig, clock);
  const api = createApi(cluster, clock);
  const registry = createRegistry(options.registryPath ?? REGISTRY_PATH, clock, logger);
  const isTrusted = peersAmong(options.trustedProxies ?? []);
  const authorizer = createKubernetesAuthorizer({ api, clock, isTrusted });
  const maxBytes = options.listCacheBytes ?? LIST_CACHE_BYTES;
  const cache = list === "cached" ? createListCache({ api, clock, logger, maxBytes }) : null;
  const runnerUrl = options.runnerUrl ?? CLUSTER_RUNNER_URL;
  const directory = createKubernetesDirectory({
    api,
    clock,
    registry,
    runnerUrl,
    cache,
    authorizer,
  });
  const onClose = async (): Promise<void> => {
    cache?.close();
    await cluster.close();
  };
  return {
    directory,
    authorizer,
    platform: createKubernetesPlatform({
      api,
      clock,
      logger,
      directory,
      registry,
      useVertex,
      onClose,
    }),
    sessionToken: createSessionTokens(api, clock),
  };
}
