import { RunlogError } from "../../src/ports/errors.ts";
import { logIdTime } from "../../src/ports/log-id.ts";
import type { LogStat, ReadOptions, SessionKey } from "../../src/ports/log-store.ts";
import { type BucketAccess, findLogEnd } from "./log-end.ts";
import type { OwnedSessions } from "./owned-sessions.ts";
import { endsOf, findLife, isOver, loadLife } from "./stored-life.ts";

/** What there is of a session, from memory while this process has it, else from the bucket. */
export interface View {
  stat(key: SessionKey): Promise<LogStat | null>;
  /** Where a log ends; rejects with `log-not-found` unless it is there. */
  findEnd(key: SessionKey, options: ReadOptions): Promise<number>;
}

export function createView(access: BucketAccess, sessions: OwnedSessions): View {
  return {
    async stat(key) {
      const known = sessions.current(key);
      if (known) return known.stat;
      const name = await findLife(access, key);
      const life = name && (await loadLife(access, name));
      if (life === null || isOver(life)) return null;
      const { logId } = life.name;
      const { head, document } = life.values;
      return { logId, createdAtMs: logIdTime(logId), end: endsOf(life.logs), head, document };
    },

    async findEnd(key, { logId, log = "raw" }) {
      const known = sessions.current(key);
      if (known) {
        known.assertIs(logId);
        return known.stat.end[log];
      }
      const life = await findLife(access, key);
      if (life?.logId === logId) {
        const { closed, end } = await findLogEnd(access, key, logId, log);
        if (!closed) return end;
      }
      throw new RunlogError("log-not-found", "There is no such log");
    },
  };
}
