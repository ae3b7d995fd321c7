import { RunlogError } from "../../src/ports/errors.ts";
import type { AuditEntry, AuditLog } from "../../src/ports/audit-log.ts";

/** An AuditLog that keeps what it is given. */
export interface RecordingAudit extends AuditLog {
  readonly entries: AuditEntry[];
  /** Whether it refuses what is about to be done. */
  isFull: boolean;
}

export function createRecordingAudit(): RecordingAudit {
  const entries: AuditEntry[] = [];
  const audit: RecordingAudit = {
    entries,
    isFull: false,
    write: (entry) => void entries.push(entry),
    async writeDurably(entry) {
      if (audit.isFull) throw new RunlogError("audit-not-writable", "There is no room");
      entries.push(entry);
    },
  };
  return audit;
}
