import type { SessionKey } from "../../src/ports/log-store.ts";

export const SESSION_GROUP = "vteam.ambient-code";
export const SESSION_RESOURCE = "agenticsessions";
export const SESSION_API: string = `${SESSION_GROUP}/v1alpha1`;

/** The part of every object's metadata that is used here. */
interface Metadata {
  readonly name: string;
  readonly namespace?: string;
  readonly uid: string;
  readonly resourceVersion: string;
  readonly creationTimestamp: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly [field: string]: unknown;
}

export interface Resource {
  readonly metadata: Metadata;
}

/** The custom resource that stands for a session. */
export interface SessionResource extends Resource {
  readonly spec?: Readonly<Record<string, unknown>>;
  readonly status?: Readonly<Record<string, unknown>>;
}

/** Path of a project's sessions, or of all. */
export function sessionsPath(project: string | null): string {
  const scope = project === null ? "" : `/namespaces/${encodeURIComponent(project)}`;
  return `/apis/${SESSION_API}${scope}/${SESSION_RESOURCE}`;
}

export function sessionPath({ project, session }: SessionKey): string {
  return `${sessionsPath(project)}/${encodeURIComponent(session)}`;
}

/** Path of objects of the core group in a project: `pods`, `secrets`, … or of one by name. */
export function corePath(project: string, plural: string, name: string | null): string {
  const list = `/api/v1/namespaces/${encodeURIComponent(project)}/${plural}`;
  return name === null ? list : `${list}/${encodeURIComponent(name)}`;
}

export function podName({ session }: SessionKey): string {
  return `${session}-runner`;
}

/** Whether version `a` of an object is newer than `b`: they are numbers that grow. */
export function isNewer(a: string, b: string): boolean {
  return a.length === b.length ? a > b : a.length > b.length;
}
