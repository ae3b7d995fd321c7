import type { OldLogs } from "../../src/core/legacy/old-logs.ts";

/** For sessions of which none has an older life. */
export const noOldLogs: OldLogs = {
  adopt: async () => false,
  prepare: () => Promise.reject(new Error("There are no old logs")),
  messages: async () => null,
};
