import type { Logger } from "../../ports/logger.ts";
import type { AuditLines } from "./open-audit.ts";

/** Lines on standard output. They are with its reader, or where it is redirected to. */
export function auditOutput(logger: Logger): AuditLines {
  const writeDurably = (line: string): Promise<void> =>
    new Promise((resolve, reject) => {
      process.stdout.write(line, (error) => {
        if (error) reject(error);
        else resolve();
      });
    });
  return {
    write(line) {
      writeDurably(line).catch((error: unknown) => logger.error("audit-line-lost", { error }));
    },
    writeDurably,
    close: () => writeDurably(""),
  };
}
