import {
  createLocalAuthorizer,
  createLocalDirectory,
  createLocalPlatform,
} from "../../adapters/local/index.ts";
import type { Config } from "../config.ts";
import type { SessionPorts } from "../core/service.ts";
import type { LogStore } from "../ports/log-store.ts";

/** The demo runner needs no address; this one names it in errors. */
const DEMO_URL = "http://{session}.{project}.demo.invalid/";

/** Who knows callers, sessions and pods. */
type PlatformPorts = Pick<SessionPorts, "authorizer" | "directory" | "platform">;

/** The platform that `config` names. */
export async function openPlatform(config: Config, store: LogStore): Promise<PlatformPorts> {
  return {
    authorizer: createLocalAuthorizer(),
    directory: createLocalDirectory({ store, runnerUrl: config.runnerUrl ?? DEMO_URL }),
    platform: createLocalPlatform(),
  };
}
