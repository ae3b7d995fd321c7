const ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyz";
const TIME_CHARS = 9;

/**
 * A new log id: 16 characters of `[a-z0-9]`, 9 of them the time in base 36 and 7 random, so that
 * ids sort by age and contain the time at which the log was made.
 */
export function createLogId(nowMs: number): string {
  return withRandomEnd(Math.trunc(nowMs).toString(36).padStart(TIME_CHARS, "0"));
}

/** Another id for a log of the same age: its old cursors are foreign, its place in a list stays. */
export function renewLogId(logId: string): string {
  return withRandomEnd(logId.slice(0, TIME_CHARS));
}

/** Whether both are ids of one log: equal, or one renewed from the other (`renewLogId`). */
export function isSameLog(a: string, b: string): boolean {
  return a.slice(0, TIME_CHARS) === b.slice(0, TIME_CHARS);
}

function withRandomEnd(start: string): string {
  let id = start;
  while (id.length < 16) {
    // 252 = 7 * 36: the bytes above it would make some characters likelier than others
    for (const byte of crypto.getRandomValues(new Uint8Array(16)))
      if (byte < 252 && id.length < 16) id += ALPHABET[byte % 36];
  }
  return id;
}

/** When the log with this id was made, epoch ms. */
export function logIdTime(logId: string): number {
  return Number.parseInt(logId.slice(0, TIME_CHARS), 36);
}

/** Whether `text` has the form of a log id. */
export function isLogId(text: string): boolean {
  return /^[a-z0-9]{16}$/.test(text);
}
