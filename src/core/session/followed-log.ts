import type { LogStat } from "../../ports/log-store.ts";
import { sameBytes } from "../../stream/bytes/string-cache.ts";
import { isImported } from "../legacy/scan-marks.ts";

/**
 * A log that another process writes, as it was when its state was loaded here. While the checkpoint is the same, what was
 * appended since is all that there is to learn.
 */
export class FollowedLog {
  readonly #logId: string;
  readonly #head: Uint8Array | null;
  readonly #isImported: boolean;

  constructor(stat: LogStat) {
    this.#logId = stat.logId;
    this.#head = stat.head;
    this.#isImported = isImported(stat);
  }

  /** Whether it is the log in `stat`, with the same checkpoint. */
  isOf(stat: LogStat | null): boolean {
    if (stat === null || stat.logId !== this.#logId || this.#isImported) return false;
    const { head } = stat;
    if (head === null || this.#head === null) return head === this.#head;
    return sameBytes(this.#head, head, 0, head.length);
  }
}
