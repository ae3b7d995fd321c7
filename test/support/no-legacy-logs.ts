import type { LegacyImports } from "../../src/core/legacy/legacy-imports.ts";

/** For sessions of which none has an older life. */
export const noLegacyLogs: LegacyImports = {
  importLog: async () => false,
  prepare: () => Promise.reject(new Error("There are no old logs")),
  messages: async () => null,
};
