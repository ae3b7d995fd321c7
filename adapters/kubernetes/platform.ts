import type { Clock } from "../../src/ports/clock.ts";
import type { Logger } from "../../src/ports/logger.ts";
import {
  DESIRED_PHASE,
  type SessionDirectory,
  type SessionDocument,
} from "../../src/ports/session-directory.ts";
import type { SessionPlatform } from "../../src/ports/session-platform.ts";
import { createActivity } from "./activity.ts";
import { accountOf, type Api, OWN } from "./api.ts";
import { podEnd } from "./pod-end.ts";
import { podEvents } from "./pod-events.ts";
import { SESSION_API } from "./resources.ts";
import { environmentFor, type RunnerChoiceOptions } from "./runner-choice.ts";

export interface PlatformOptions extends RunnerChoiceOptions {
  readonly api: Api;
  readonly clock: Clock;
  readonly logger: Logger;
  /** With runlog's own account. */
  readonly directory: Pick<SessionDirectory, "get" | "update">;
  /** Called by `close`, when what was noted is written. */
  readonly onClose: () => Promise<void>;
}

const CHECK_TIMEOUT_MS = 5_000;
const STOP_REASON = "ambient-code.io/stop-reason";

/** The SessionPlatform of a cluster: resources, pods, secrets and events, and an operator that acts. */
export function createKubernetesPlatform(options: PlatformOptions): SessionPlatform {
  const { api, clock, logger, directory, onClose } = options;
  const activity = createActivity({ api, clock, logger });
  const closed = new AbortController();

  return {
    noteActivity: (key, what) => activity.note(key, what === "run-started"),

    async runEnded(key, { reached }) {
      // a runner that was never reached may be on its way
      if (!reached) return;
      const document = await directory.get(key);
      if (document?.spec["stopOnRunFinished"] !== true) return;
      await directory.update(key, withStop);
    },

    podEnd: (key, signal) => podEnd({ api, clock, logger, closed: closed.signal }, key, signal),

    podEvents: (key, caller) => podEvents(api, accountOf(caller), key),

    runnerEnvironment: (choice) => environmentFor(options, choice),

    async check() {
      const path = `/apis/${SESSION_API}`;
      await api.json({ account: OWN, method: "GET", path, timeoutMs: CHECK_TIMEOUT_MS });
    },

    async close() {
      closed.abort();
      await activity.close();
      await onClose();
    },
  };
}

function withStop(document: SessionDocument): SessionDocument {
  const { metadata } = document;
  const annotations = {
    ...metadata.annotations,
    [DESIRED_PHASE]: "Stopped",
    [STOP_REASON]: "run-finished",
  };
  return { ...document, metadata: { ...metadata, annotations } };
}
