import { KubeConfig } from "@kubernetes/client-node";
import { Agent, type Dispatcher } from "undici";
import type { Clock } from "../../src/ports/clock.ts";

/** How the API server is reached, now. */
interface ClusterAccess {
  /** Base URL, without a slash at its end. */
  readonly server: string;
  /** Makes requests of runlog's own account: may send a client certificate. */
  readonly own: Dispatcher;
  /** Headers of runlog's own account. */
  readonly ownHeaders: Readonly<Record<string, string>>;
  /**
   * Makes requests of callers. It never sends the certificate: the API server would take its owner
   * for the caller, whatever token is in the request.
   */
  readonly callers: Dispatcher;
}

export interface Cluster {
  access(): Promise<ClusterAccess>;
  close(): Promise<void>;
}

const CONNECT_TIMEOUT_MS = 5_000;
const KEEP_ALIVE_MS = 30_000;
/** How long what was read of tokens and certificates is used; they change every few minutes at most. */
const REREAD_MS = 10_000;

/** What `KubeConfig` fills in of Node's request options. */
interface HttpsOptions {
  ca?: string | Buffer;
  cert?: string | Buffer;
  key?: string | Buffer;
  passphrase?: string;
  servername?: string;
  rejectUnauthorized?: boolean;
  auth?: string;
  headers?: Record<string, string>;
}

/** Throws TypeError, with the file's name and what is wrong with it. */
function loadFrom(config: KubeConfig, path: string): void {
  try {
    config.loadFromFile(path);
  } catch (cause) {
    // of what a parser has to say, the first line says where
    const [why = ""] = (cause instanceof Error ? cause.message : String(cause)).split("\n");
    throw new TypeError(`The kubeconfig '${path}' cannot be read (${why}): KUBECONFIG names it`, {
      cause,
    });
  }
}

/**
 * The cluster that a kubeconfig file names, or (null) the one that this process runs in.
 *
 * The client library reads configuration and credentials; it would make a connection of its own for
 * each request, so that the connections are made and kept here.
 */
export function createCluster(kubeconfig: string | null, clock: Clock): Cluster {
  const config = new KubeConfig();
  if (kubeconfig === null) config.loadFromCluster();
  else loadFrom(config, kubeconfig);
  const cluster = config.getCurrentCluster();
  if (!cluster)
    throw new TypeError(`the kubeconfig '${kubeconfig}' has no cluster for its current context`);
  if (cluster.proxyUrl) throw new TypeError("a proxy to the API server is not supported");
  const server = cluster.server.replace(/\/+$/, "");
  if (!URL.canParse(server))
    throw new TypeError("this process is in no cluster, and no kubeconfig names one");

  let agents: { readonly made: string; readonly own: Agent; readonly callers: Agent } | null = null;
  let access: { readonly readAtMs: number; readonly value: Promise<ClusterAccess> } | null = null;

  async function read(): Promise<ClusterAccess> {
    const options: HttpsOptions = {};
    await config.applyToHTTPSOptions(options);
    const { own, callers } = agentsFor(options);
    const ownHeaders: Record<string, string> = { ...options.headers };
    if (options.auth) ownHeaders["Authorization"] = `Basic ${btoa(options.auth)}`;
    return { server, own, callers, ownHeaders };
  }

  /** Those that are there, unless the certificates are others than they were made with. */
  function agentsFor(options: HttpsOptions): { own: Agent; callers: Agent } {
    const { ca, cert, key, passphrase, servername, rejectUnauthorized } = options;
    const open = definedOf({ ca, servername, rejectUnauthorized });
    const certificate = definedOf({ cert, key, passphrase });
    const made = JSON.stringify([open, certificate].map(textsOf));
    if (agents?.made === made) return agents;
    const old = agents;
    agents = { made, own: createAgent({ ...open, ...certificate }), callers: createAgent(open) };
    // what is under way on the old ones comes to its end
    void old?.own.close();
    void old?.callers.close();
    return agents;
  }

  return {
    access() {
      if (!access || clock.now() - access.readAtMs >= REREAD_MS) {
        const value = read();
        const mine = { readAtMs: clock.now(), value };
        access = mine;
        value.catch(() => {
          if (access === mine) access = null;
        });
      }
      return access.value;
    },

    async close() {
      await Promise.all([agents?.own.destroy(), agents?.callers.destroy()]);
    },
  };
}

function createAgent(tls: Record<string, unknown>): Agent {
  return new Agent({
    connect: { ...tls, timeout: CONNECT_TIMEOUT_MS },
    keepAliveTimeout: KEEP_ALIVE_MS,
    // how long a request may take is decided where it is made: a watch takes minutes
    headersTimeout: 0,
    bodyTimeout: 0,
  });
}

function definedOf(values: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
}

function textsOf(values: Record<string, unknown>): readonly string[] {
  return Object.entries(values).map(([name, value]) => `${name}=${String(value)}`);
}
