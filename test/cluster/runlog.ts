import {
  createKubernetes,
  type Kubernetes,
  type KubernetesOptions,
} from "../../adapters/kubernetes/index.ts";
import { systemClock } from "../../src/entry/system-clock.ts";
import type { Logger } from "../../src/ports/logger.ts";

export const silent: Logger = { info: () => {}, warn: () => {}, error: () => {} };

/** Everything that runlog is in a cluster; to be closed by `platform.close`. */
export function createRunlog(
  options: Partial<KubernetesOptions> & { readonly kubeconfig: string },
): Kubernetes {
  return createKubernetes({ clock: systemClock, logger: silent, ...options });
}
