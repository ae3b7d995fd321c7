import type { AuditEntry, AuditLog } from "../../src/ports/audit-log.ts";

/** An AuditLog that keeps what it is given. */
export function createRecordingAudit(): AuditLog & { readonly entries: AuditEntry[] } {
  const entries: AuditEntry[] = [];
  return {
    entries,
    write: (entry) => void entries.push(entry),
    writeDurably: async (entry) => void entries.push(entry),
  };
}
