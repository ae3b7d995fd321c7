/** What becomes of sessions that nobody has used for so long, in ms; null for nothing. */
export interface RetentionRule {
  readonly archiveAfterMs: number | null;
  readonly deleteAfterMs: number | null;
}

/** The rule of all projects, but for those that have their own. */
export interface RetentionPolicy {
  readonly rule: RetentionRule;
  readonly projects: ReadonlyMap<string, RetentionRule>;
}

/** How a policy is written. */
export const RETENTION_FORM =
  "archive:<age>, delete:<age> or both, as archive:30d,delete:365d; then ;<project>=<rule> or ;<project>=keep for each project with its own";

const KEEP: RetentionRule = { archiveAfterMs: null, deleteAfterMs: null };
const UNIT_MS: Readonly<Record<string, number>> = {
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};
const PROJECT = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

/** The rule of a project's sessions. */
export function ruleOf({ rule, projects }: RetentionPolicy, project: string): RetentionRule {
  return projects.get(project) ?? rule;
}

/** Reads `archive:30d,delete:365d;demo=delete:7d;legal=keep`; null for a text of another form. */
export function parseRetention(text: string): RetentionPolicy | null {
  let rule: RetentionRule = KEEP;
  const projects = new Map<string, RetentionRule>();
  for (const [place, part] of text.split(";").entries()) {
    const [name, own, ...more] = part.trim().split("=");
    if (more.length > 0 || name === undefined) return null;
    const isGeneral = own === undefined;
    const read = readRule(isGeneral ? name : own);
    if (read === null || (isGeneral && place > 0)) return null;
    if (isGeneral) rule = read;
    else if (!PROJECT.test(name) || projects.has(name)) return null;
    else projects.set(name, read);
  }
  return { rule, projects };
}

function readRule(text: string): RetentionRule | null {
  if (text === "keep") return KEEP;
  const ages = new Map<string, number>();
  for (const part of text.split(",")) {
    const [, action = "", number, unit = ""] =
      /^(archive|delete):(\d{1,6})([smhdw])$/.exec(part.trim()) ?? [];
    const ms = Number(number) * (UNIT_MS[unit] ?? NaN);
    if (!(ms > 0) || ages.has(action)) return null;
    ages.set(action, ms);
  }
  const archiveAfterMs = ages.get("archive") ?? null;
  const deleteAfterMs = ages.get("delete") ?? null;
  // what is deleted first is never archived
  if (archiveAfterMs !== null && deleteAfterMs !== null && deleteAfterMs <= archiveAfterMs)
    return null;
  return { archiveAfterMs, deleteAfterMs };
}
