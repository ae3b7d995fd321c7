/** From when on intervals are counted: what other servers of the protocol count from. */
const EPOCH_MS = Date.UTC(2024, 9, 9);
const INTERVAL_MS = 20_000;
/** Most intervals by which a cursor jumps ahead: an hour. */
const MAX_JUMP = 180;

/**
 * A `Stream-Cursor`: the number of the interval of time, or a later one than the client has, so that
 * no cache answers its next request with this answer.
 */
export function streamCursor(nowMs: number, given: string | undefined): string {
  const current = Math.floor((nowMs - EPOCH_MS) / INTERVAL_MS);
  const before = /^\d{1,15}$/.test(given ?? "") ? Number(given) : -1;
  if (before < current) return String(current);
  return String(before + 1 + Math.floor(Math.random() * MAX_JUMP));
}
