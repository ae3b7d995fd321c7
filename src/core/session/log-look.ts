/** What the store said of a log that readers wait for. */
export interface LogLook {
  /** When it was asked, epoch ms. */
  readonly atMs: number;
  /** Whether another process has a run open in it. */
  readonly isOpenElsewhere: boolean;
}

/** A look is due after five seconds, and looks come every second at best. */
const SELDOM_MS = 4_500;

/**
 * Whether the store is to be asked again, whose last answer was `look`. Where readers have just come
 * (null) an announcement may have passed them by; where others are not heard, an open run is all that
 * tells that the log grows.
 */
export function isLookDue(look: LogLook | null, nowMs: number, hearsOthers: boolean): boolean {
  if (look === null || (look.isOpenElsewhere && !hearsOthers)) return true;
  return nowMs - look.atMs >= SELDOM_MS;
}
