import { expect } from "vitest";
import type { ClusterAdmin } from "../../scripts/cluster/admin.ts";
import type { Manifest } from "../support/kustomize.ts";

/** Debian's API server is older than these versions; the ones that it has know the same fields. */
const VERSIONS: Readonly<Record<string, string>> = {
  PodDisruptionBudget: "policy/v1beta1",
  CronJob: "batch/v1beta1",
};

/** Where such objects are made, in `namespace` unless they name one. */
export function pathOf({ kind, apiVersion, metadata }: Manifest, namespace: string): string {
  const version: string = VERSIONS[kind] ?? apiVersion;
  const group = version.includes("/") ? `/apis/${version}` : `/api/${version}`;
  const isGlobal = /^(?:Namespace|Cluster)/.test(kind);
  const plural = `${kind.toLowerCase()}s`.replace(/ys$/, "ies").replace(/sss$/, "sses");
  const scope = isGlobal ? "" : `/namespaces/${metadata.namespace ?? namespace}`;
  return `${group}${scope}/${plural}`;
}

/**
 * Has the API server check and default a manifest, which leaves nothing behind, and expects that it knows
 * every member.
 */
export async function expectTaken(
  admin: ClusterAdmin,
  manifest: Manifest,
  namespace: string,
): Promise<void> {
  const apiVersion = VERSIONS[manifest.kind] ?? manifest.apiVersion;
  const path = `${pathOf(manifest, namespace)}?dryRun=All`;
  const made = await admin.ask<Manifest>("POST", path, { ...manifest, apiVersion });
  for (const part of ["spec", "rules", "subjects"])
    if (manifest[part]) expect(knownOf(made[part], manifest[part])).toEqual(manifest[part]);
}

/** What the server made of the members that were given: one that it does not know is gone. */
function knownOf(made: Manifest, given: Manifest): Manifest {
  if (Array.isArray(given)) return given.map((each, i) => knownOf(made?.[i], each));
  if (typeof given !== "object" || given === null) return made;
  const members = Object.keys(given).map((name) => [name, knownOf(made?.[name], given[name])]);
  return Object.fromEntries(members);
}
