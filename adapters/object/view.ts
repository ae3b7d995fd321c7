import { RunlogError } from "../../src/ports/errors.ts";
import { logIdTime } from "../../src/ports/log-id.ts";
import type {
  ListOptions,
  LogPage,
  LogStat,
  ReadOptions,
  SessionKey,
} from "../../src/ports/log-store.ts";
import { type BucketAccess, findLogEnd } from "./log-end.ts";
import { listLogs } from "./list.ts";
import type { OwnedSessions } from "./owned-sessions.ts";
import { createSessionNames } from "./session-names.ts";
import { endsOf, findIncarnation, isOver, loadIncarnation } from "./stored-incarnation.ts";

/** What there is of a session, from memory while this process has it, else from the bucket. */
export interface View {
  stat(key: SessionKey): Promise<LogStat | null>;
  /** A page of the sessions, from the bucket alone. */
  list(options: ListOptions): Promise<LogPage>;
  /** Where a log ends; rejects with `log-not-found` unless it is there. */
  findEnd(key: SessionKey, options: ReadOptions): Promise<number>;
}

export function createView(access: BucketAccess, sessions: OwnedSessions): View {
  const names = createSessionNames(access);
  return {
    list: (options) => listLogs(access, names, options),

    async stat(key) {
      const known = sessions.current(key);
      if (known) return known.stat;
      const name = await findIncarnation(access, key);
      const incarnation = name && (await loadIncarnation(access, name));
      if (incarnation === null || isOver(incarnation)) return null;
      const { logId } = incarnation.name;
      const { head, document } = incarnation.values;
      return {
        logId,
        createdAtMs: logIdTime(logId),
        end: endsOf(incarnation.logs),
        head,
        document,
        notes: incarnation.notes,
      };
    },

    async findEnd(key, { logId, log = "raw" }) {
      const known = sessions.current(key);
      if (known) {
        known.assertIs(logId);
        return known.stat.end[log];
      }
      const [incarnation, { closed, end }] = await Promise.all([
        findIncarnation(access, key),
        findLogEnd(access, key, logId, log),
      ]);
      if (incarnation?.logId === logId && !closed) return end;
      throw new RunlogError("log-not-found", "There is no such log");
    },
  };
}
