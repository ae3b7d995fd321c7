import {
  parseRetention,
  RETENTION_FORM,
  type RetentionPolicy,
  type RetentionRule,
} from "../core/retention/policy.ts";
import { type Read, type Setting, setting } from "./setting.ts";

export interface RetentionSettings {
  readonly retention: Setting<RetentionPolicy | null>;
}

/** What becomes of sessions that nobody uses any more. */
export const RETENTION_SETTINGS: RetentionSettings = {
  retention: setting<RetentionPolicy | null>("RUNLOG_RETENTION", null, parseRetention, {
    shown: "",
    meaning:
      "what becomes of sessions that were last used so long ago, as archive:30d,delete:365d; projects may have rules of their own",
    form: RETENTION_FORM,
    group: "Storage",
  }),
};

interface Surroundings {
  readonly archives: boolean;
  readonly isCluster: boolean;
}

/** The policy, if the rest of the configuration can carry it out. */
export function readRetention(
  value: Read,
  { archives, isCluster }: Surroundings,
  problems: string[],
): RetentionPolicy | null {
  const policy = value(RETENTION_SETTINGS.retention);
  if (policy === null) return null;
  const has = (age: keyof RetentionRule): boolean =>
    [policy.rule, ...policy.projects.values()].some((rule) => rule[age] !== null);
  if (has("archiveAfterMs") && !archives)
    problems.push("RUNLOG_RETENTION archives: RUNLOG_ARCHIVE_URL has to say where");
  if (has("deleteAfterMs") && isCluster)
    problems.push(
      "RUNLOG_RETENTION deletes, which RUNLOG_AUTH=kubernetes excludes: sessions are objects of the cluster, whose owners delete them",
    );
  return policy;
}
