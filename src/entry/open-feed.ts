import { readFileSync } from "node:fs";
import type * as nats from "@nats-io/transport-node";
import { createMemoryLiveFeed } from "../../adapters/memory/index.ts";
import {
  createNatsLiveFeed,
  type NatsConnectionLike,
  type NatsOptions,
} from "../../adapters/nats/index.ts";
import type { NatsConfig, NatsLogin } from "../config/nats.ts";
import type { Clock } from "../ports/clock.ts";
import type { LiveFeed } from "../ports/live-feed.ts";
import type { Logger } from "../ports/logger.ts";
import { UsageError } from "./exit.ts";
import { loadOptional } from "./optional-package.ts";

interface OpenFeed {
  readonly feed: LiveFeed;
  readonly close: () => Promise<void>;
}

type Nats = typeof nats;

/**
 * The configured feed; within the process where none is configured. Throws where a file cannot be read
 * or the package is not installed, never because NATS is away.
 */
export async function openFeed(
  config: NatsConfig | null,
  surroundings: { readonly clock: Clock; readonly logger: Logger },
): Promise<OpenFeed> {
  if (config === null) return { feed: createMemoryLiveFeed(), close: async () => {} };
  const connect = await connector(config);
  const feed = createNatsLiveFeed({ ...surroundings, connect, prefix: config.subject });
  return { feed, close: () => feed.close() };
}

/** Loaded when it is asked for: it takes memory, and need not be installed. */
async function connector({
  servers,
  login,
  tls,
}: NatsConfig): Promise<(options: NatsOptions) => Promise<NatsConnectionLike>> {
  const library = await loadOptional(() => import("@nats-io/transport-node"), {
    name: "@nats-io/transport-node",
    setting: "RUNLOG_NATS_URL",
  });
  const authenticator = authenticatorOf(library, login);
  const files = Object.entries(tls ?? {}).filter(([, path]) => path !== null);
  for (const [, path] of files) checkReadable(path);
  return (options) =>
    library.connect({
      ...options,
      servers: [...servers],
      ...(authenticator && { authenticator }),
      // the library reads these files itself, at each connection
      ...(tls && { tls: Object.fromEntries(files) }),
    });
}

function authenticatorOf(library: Nats, login: NatsLogin) {
  switch (login.kind) {
    case "none":
      return null;
    case "creds": {
      const read = secretIn(login.file);
      // the library wants a line feed at its end
      return library.credsAuthenticator(() => new TextEncoder().encode(`${read()}\n`));
    }
    case "token":
      return library.tokenAuthenticator(secretIn(login.file));
    default:
      return library.usernamePasswordAuthenticator(login.user, secretIn(login.passwordFile));
  }
}

/**
 * Reads a secret now, and again at each connection: one that is mounted into a pod changes while the
 * process runs. A file that cannot be read later leaves the last secret. The library asks for it
 * synchronously.
 */
function secretIn(path: string): () => string {
  let secret = checkReadable(path).trim();
  if (secret === "") throw new UsageError(`There is nothing in ${path}, which NATS is to be shown`);
  return () => {
    try {
      secret = readFileSync(path, "utf8").trim() || secret;
    } catch {
      // it is being replaced
    }
    return secret;
  };
}

function checkReadable(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw new UsageError(`A file of RUNLOG_NATS_* cannot be read: ${String(error)}`);
  }
}
