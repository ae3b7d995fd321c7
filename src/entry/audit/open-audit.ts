import type { AuditConfig } from "../../config/logging.ts";
import type { AuditEntry, AuditLog } from "../../ports/audit-log.ts";
import { RunlogError } from "../../ports/errors.ts";
import type { Logger } from "../../ports/logger.ts";
import { openAuditFile } from "./audit-file.ts";
import { auditOutput } from "./audit-output.ts";

/** Where lines go. */
export interface AuditLines {
  /** Takes a line; what becomes of it is logged if that is not what it should be. */
  write(line: string): void;
  /** Resolves when the line outlives the process, and with a file the machine. Rejects with the system's error, the line not being written then. */
  writeDurably(line: string): Promise<void>;
  /** Writes what is left. */
  close(): Promise<void>;
}

/** An audit log that is open. */
export interface OpenAudit {
  readonly log: AuditLog;
  close(): Promise<void>;
}

export interface AuditOptions {
  readonly logger: Logger;
  /** How callers are known, as `RUNLOG_AUTH` names it. */
  readonly auth: string;
}

/** Opens what `RUNLOG_AUDIT` names: a JSON object a line. Throws UsageError for a file that cannot be written. */
export async function openAudit(
  config: AuditConfig | null,
  { logger, auth }: AuditOptions,
): Promise<OpenAudit | null> {
  if (config === null) return null;
  const lines =
    config.kind === "stdout" ? auditOutput(logger) : await openAuditFile(config, logger);
  const textOf = ({ isVerified, ...entry }: AuditEntry): string =>
    `${JSON.stringify({ time: new Date().toISOString(), ...entry, auth, verified: isVerified })}\n`;
  return {
    log: {
      write: (entry) => lines.write(textOf(entry)),
      writeDurably: (entry) =>
        lines.writeDurably(textOf(entry)).catch((cause: unknown) => {
          logger.error("audit-not-writable", { action: entry.action, error: cause });
          const text = "The audit log cannot be written, and without it nothing is deleted";
          throw new RunlogError("audit-not-writable", text, { cause });
        }),
    },
    close: () => lines.close(),
  };
}
