import {
  createLocalAuthorizer,
  createLocalDirectory,
  createLocalPlatform,
} from "../../adapters/local/index.ts";
import type { SessionToken } from "../../adapters/runner-http/index.ts";
import type { Config } from "../config.ts";
import type { SessionPorts } from "../core/service.ts";
import type { Logger } from "../ports/logger.ts";
import type { LogStore } from "../ports/log-store.ts";
import { loadOptional } from "./optional-package.ts";
import { systemClock } from "./system-clock.ts";

/** The demo runner needs no address; this one names it in errors. */
const DEMO_URL = "http://{session}.{project}.demo.invalid/";

/** The adapters that know callers, sessions and pods, and the tokens of runners. */
interface Platform {
  readonly ports: Pick<SessionPorts, "authorizer" | "directory" | "platform">;
  readonly sessionToken: SessionToken | null;
}

/** The platform that `config` names. Throws TypeError for a cluster that cannot be. */
export async function openPlatform(
  { auth, agents, runnerUrl }: Config,
  store: LogStore,
  logger: Logger,
): Promise<Platform> {
  if (auth.kind !== "kubernetes") {
    const ports = {
      authorizer: createLocalAuthorizer(),
      directory: createLocalDirectory({
        store,
        runnerUrl: runnerUrl ?? DEMO_URL,
        agents,
        logger,
      }),
      platform: createLocalPlatform(),
    };
    return { ports, sessionToken: null };
  }
  // a server that serves no cluster does without the client library's memory
  const { createKubernetes } = await loadOptional(
    () => import("../../adapters/kubernetes/index.ts"),
    { name: "@kubernetes/client-node", setting: "RUNLOG_AUTH=kubernetes" },
  );
  const { sessionToken, ...ports } = createKubernetes({
    ...auth,
    clock: systemClock,
    logger,
    ...(runnerUrl !== null && { runnerUrl }),
  });
  return { ports, sessionToken };
}
