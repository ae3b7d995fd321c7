import type { Clock } from "../../src/ports/clock.ts";
import type { SessionKey } from "../../src/ports/log-store.ts";
import type { Logger } from "../../src/ports/logger.ts";
import type { PodEnd } from "../../src/ports/session-platform.ts";
import type { Api } from "./api.ts";
import { corePath, podName, type Resource } from "./resources.ts";
import { follow, type Follower, parse } from "./watch.ts";

interface Terminated {
  readonly exitCode?: number;
  readonly reason?: string;
}

/** The part of a pod that is used here. */
interface Pod extends Resource {
  readonly spec?: {
    readonly restartPolicy?: string;
    readonly containers?: readonly {
      readonly name: string;
      readonly ports?: readonly { readonly name?: string }[];
    }[];
  };
  readonly status?: {
    readonly phase?: string;
    readonly reason?: string;
    readonly containerStatuses?: readonly {
      readonly name: string;
      readonly state?: { readonly terminated?: Terminated };
    }[];
  };
}

/** Name of the port on which a pod's runner listens. */
const RUNNER_PORT = "agui";

interface PodEndPorts {
  readonly api: Api;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Aborted when pods are watched no more: nothing is reported then. */
  readonly closed: AbortSignal;
}

/**
 * How the session's pod ends that is alive now or comes up later; the port's `podEnd`. Only the API
 * server's word counts: without it, the pod is alive.
 */
export function podEnd(ports: PodEndPorts, key: SessionKey, signal: AbortSignal): Promise<PodEnd> {
  const { closed } = ports;
  return new Promise((resolve, reject) => {
    const watch = new AbortController();
    const stop = (): void => {
      watch.abort();
      signal.removeEventListener("abort", onAbort);
      closed.removeEventListener("abort", stop);
    };
    const onAbort = (): void => {
      stop();
      reject(signal.reason);
    };
    if (signal.aborted) return onAbort();
    signal.addEventListener("abort", onAbort, { once: true });
    closed.addEventListener("abort", stop, { once: true });
    const pod = new WatchedPod((end) => {
      stop();
      resolve(end);
    });
    const query = { fieldSelector: `metadata.name=${podName(key)}` };
    const follower: Follower<Pod> = {
      begin: () => pod.beginList(),
      item: (json) => pod.see(parse<Pod>(json)),
      listed: () => pod.endList(),
      changed: (object) => pod.see(object),
      removed: (object) => pod.lose(object),
      heard: () => {},
      lost: () => ports.logger.warn("pod-watch-lost", { ...key }),
    };
    const path = corePath(key.project, "pods", null);
    void follow(ports, { path, query, signal: watch.signal }, follower);
  });
}

/** A pod from when it was seen alive until it was seen to have ended. */
class WatchedPod {
  readonly #onEnd: (end: PodEnd) => void;
  /** Uid of the pod that was seen alive. */
  #alive: string | null = null;
  #isInList = false;

  constructor(onEnd: (end: PodEnd) => void) {
    this.#onEnd = onEnd;
  }

  beginList(): void {
    this.#isInList = false;
  }

  /** The list is complete: what is not in it is not there. */
  endList(): void {
    if (this.#alive !== null && !this.#isInList) this.#onEnd(GONE);
  }

  see(pod: Pod): void {
    const { uid } = pod.metadata;
    const end = endOf(pod);
    if (uid === this.#alive) {
      this.#isInList = true;
      if (end) this.#onEnd(end);
      return;
    }
    // another pod of the name: the one that was alive has made room for it
    if (this.#alive !== null) return this.#onEnd(GONE);
    if (end) return;
    this.#alive = uid;
    this.#isInList = true;
  }

  lose(pod: Pod): void {
    if (pod.metadata.uid === this.#alive) this.#onEnd(endOf(pod) ?? GONE);
  }
}

const GONE: PodEnd = { reason: "gone", message: "The runner's pod is gone" };

/** How a pod has ended, or null if it has not. */
function endOf({ spec, status }: Pod): PodEnd | null {
  const { phase, reason, containerStatuses = [] } = status ?? {};
  const runner = runnerContainer(spec);
  const ended = containerStatuses.map(({ name, state }) => ({ name, end: state?.terminated }));
  const own = ended.find(({ name }) => name === runner)?.end;
  if (phase !== "Failed" && phase !== "Succeeded") {
    // a pod whose runner has ended for good stays alive as long as other containers do
    return own && spec?.restartPolicy === "Never" ? endOfContainer(own) : null;
  }
  if (reason === "Evicted")
    return { reason: "evicted", message: "The runner's pod was evicted (Evicted)" };
  const all = ended.flatMap(({ end }) => end ?? []);
  const failed = own ?? all.find(({ exitCode }) => exitCode !== 0) ?? all[0];
  if (failed) return endOfContainer(failed);
  return phase === "Succeeded"
    ? endOfContainer({ exitCode: 0 })
    : { reason: "failed", message: "The runner's pod has failed" };
}

function endOfContainer({ exitCode = 0, reason }: Terminated): PodEnd {
  return reason === "OOMKilled"
    ? {
        reason: "oom-killed",
        message: `The runner's pod ran out of memory (OOMKilled, exit code ${exitCode})`,
      }
    : { reason: `exit-${exitCode}`, message: `The runner's pod ended with exit code ${exitCode}` };
}

/** The container with the runner's port, or the only one there is. */
function runnerContainer(spec: Pod["spec"]): string | null {
  const { containers = [] } = spec ?? {};
  const [only, second] = containers;
  const named = containers.find(({ ports = [] }) => ports.some(({ name }) => name === RUNNER_PORT));
  return named?.name ?? (second ? null : (only?.name ?? null));
}
