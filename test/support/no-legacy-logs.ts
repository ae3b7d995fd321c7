import type { LegacyImports } from "../../src/core/legacy/legacy-imports.ts";

/** For sessions of which none has a legacy log. */
export const noLegacyLogs: LegacyImports = {
  importLog: async () => false,
  prepare: () => Promise.reject(new Error("There are no legacy logs")),
  messages: async () => null,
};
