import type { Clock } from "../../ports/clock.ts";
import type { LiveFeed } from "../../ports/live-feed.ts";
import type { Logger } from "../../ports/logger.ts";
import { hasOpenRun } from "../model/checkpoint.ts";
import type { Session } from "./session.ts";

/** A session whose log is looked at. */
export interface LookedAt {
  readonly session: Session;
  /** What the store said when it was asked for those that watch now; null while it was not. */
  look: LogLook | null;
}

interface LogLook {
  /** When it was asked, epoch ms. */
  readonly atMs: number;
  /** Whether another process has a run open in it. */
  readonly isOpenElsewhere: boolean;
}

export interface LogLooksOptions {
  readonly feed: LiveFeed;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** A look is due after five seconds, and looks come every second at best. */
const SELDOM_MS = 4_500;
/** Logs that the store is asked about at a time. */
const LOOKS_AT_ONCE = 8;

/**
 * Returns what looks at the logs that readers wait for, as far as that is due. Where readers have just
 * come an announcement may have passed them by; where others are not heard, an open run is all that tells
 * that a log grows.
 */
export function createLogLooks({
  feed,
  clock,
  logger,
}: LogLooksOptions): (all: Iterable<LookedAt>) => Promise<void> {
  let heardOthers = feed.hearsOthers;

  function isDue({ session, look }: LookedAt): boolean {
    if (session.log.waiting === 0) return false;
    if (look === null || (look.isOpenElsewhere && !feed.hearsOthers)) return true;
    return clock.now() - look.atMs >= SELDOM_MS;
  }

  async function lookAt(one: LookedAt): Promise<void> {
    const { log, key } = one.session;
    const atMs = clock.now();
    const wasOpenElsewhere = one.look?.isOpenElsewhere === true;
    let isOpenElsewhere = false;
    try {
      const stat = await log.refresh();
      isOpenElsewhere = !log.isWrittenHere && hasOpenRun(stat?.head ?? null);
    } catch (error) {
      logger.warn("log-not-readable", { ...key, error });
    }
    one.look = { atMs, isOpenElsewhere };
    // a run may be over of which nothing more is stored
    if (wasOpenElsewhere && !isOpenElsewhere) log.wake();
  }

  async function lookAtEach(due: Iterable<LookedAt>): Promise<void> {
    for (const one of due) await lookAt(one);
  }

  return async (all) => {
    const areHeardAgain = feed.hearsOthers && !heardOthers;
    heardOthers = feed.hearsOthers;
    const due: LookedAt[] = [];
    for (const one of all) {
      // something may have been missed until now
      if (areHeardAgain || one.session.log.viewers === 0) one.look = null;
      if (isDue(one)) due.push(one);
    }
    const shared = due.values();
    await Promise.all(Array.from({ length: LOOKS_AT_ONCE }, () => lookAtEach(shared)));
  };
}
