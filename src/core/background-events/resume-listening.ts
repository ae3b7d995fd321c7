import type { Logger } from "../../ports/logger.ts";
import type { LogStore, SessionKey } from "../../ports/log-store.ts";
import type { SessionDirectory } from "../../ports/session-directory.ts";
import type { BackgroundEvents } from "./background-events.ts";
import type { Sessions } from "../session/session-registry.ts";

export interface ResumeListeningOptions {
  readonly store: LogStore;
  readonly directory: SessionDirectory;
  readonly sessions: Sessions;
  readonly backgroundEvents: Pick<BackgroundEvents, "listen">;
  readonly logger: Logger;
  /** Called before each session: whether the server stops. */
  readonly isStopped: () => boolean;
}

/** Sessions that are checked at the same time. */
const TOGETHER = 4;

/**
 * Subscribes again to the sessions that run, after a start of the server: to the thread of each
 * one's latest run. Sessions that never had a run are left alone. Never rejects.
 */
export async function resumeListening(options: ResumeListeningOptions): Promise<void> {
  const { store, logger, isStopped } = options;
  try {
    let after: string | undefined;
    do {
      const page = await store.list(after === undefined ? {} : { after });
      for (let i = 0; i < page.items.length && !isStopped(); i += TOGETHER)
        await Promise.all(
          page.items
            .slice(i, i + TOGETHER)
            .map(({ project, session }) => resume({ project, session }, options)),
        );
      after = page.next ?? undefined;
    } while (after !== undefined && !isStopped());
  } catch (error) {
    logger.warn("listening-not-resumed", { error });
  }
}

async function resume(key: SessionKey, options: ResumeListeningOptions): Promise<void> {
  const { directory, sessions, backgroundEvents, logger, isStopped } = options;
  try {
    const document = await directory.get(key);
    if (document?.status?.phase !== "Running") return;
    await sessions.with(key, async (session) => {
      // two processes that listen would each get a part of the events
      if ((await options.store.acquire(session.key)).kind !== "here") return;
      const logId = await session.load();
      const latest = session.state.runs.at(-1);
      if (logId === null || !latest || isStopped()) return;
      backgroundEvents.listen(key, { threadId: latest.threadId || key.session, logId });
    });
  } catch (error) {
    logger.warn("listening-not-resumed", { ...key, error });
  }
}
