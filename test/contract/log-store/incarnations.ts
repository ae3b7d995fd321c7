import type { SessionKey } from "../../../src/ports/log-store.ts";
import type { Fault, LogChoice } from "./commands.ts";
import { FOREIGN_LOG_ID } from "./harness.ts";

/**
 * The log ids of one store, by what they stand for: the n-th incarnation of a session. Two stores never
 * have the same ids, but what they stand for can be compared.
 */
export interface Incarnations {
  /** Notes the id of a log that was found there. */
  note(key: SessionKey, logId: string): void;
  /** The id that `choice` means; a session that has not lived so often has a foreign one. */
  logIdOf(key: SessionKey, choice: LogChoice | Fault): string;
  /** What `logId` stands for. */
  labelOf(key: SessionKey, logId: string): string;
}

/** Incarnations of which none has been noted. */
export function createIncarnations(): Incarnations {
  const incarnations = new Map<string, string[]>();

  function idsOf(key: SessionKey): string[] {
    const name = `${key.project}/${key.session}`;
    const ids = incarnations.get(name) ?? [];
    incarnations.set(name, ids);
    return ids;
  }

  return {
    note(key, logId) {
      if (!idsOf(key).includes(logId)) idsOf(key).push(logId);
    },
    logIdOf(key, choice) {
      if (choice === "foreign-log") return FOREIGN_LOG_ID;
      return idsOf(key).at(choice === "old-log" ? -2 : -1) ?? FOREIGN_LOG_ID;
    },
    labelOf(key, logId) {
      const life = idsOf(key).indexOf(logId);
      return life === -1 ? `unknown log ${logId}` : `life ${life}`;
    },
  };
}
