import { afterAll, expect, inject, it } from "vitest";
import { createAdmin } from "../../scripts/cluster/admin.ts";
import { kustomize, type Manifest } from "../support/kustomize.ts";

const DEPLOY = new URL("../../scripts/deploy/", import.meta.url);
/** It is there already: everything here needs it. */
const THERE = "CustomResourceDefinition";

const admin = createAdmin(inject("kubeconfig"));
afterAll(() => admin.close());

/** Debian's API server is older than `policy/v1`, whose fields `policy/v1beta1` has as well. */
function versionOf({ kind, apiVersion }: Manifest): string {
  return kind === "PodDisruptionBudget" ? "policy/v1beta1" : apiVersion;
}

/** Where such objects are made; a dry run is checked and defaulted, and leaves nothing behind. */
function pathOf(manifest: Manifest, namespace: string): string {
  const version = versionOf(manifest);
  const group = version.includes("/") ? `/apis/${version}` : `/api/${version}`;
  const isGlobal = /^(?:Namespace|Cluster)/.test(manifest.kind);
  const plural = `${manifest.kind.toLowerCase()}s`.replace(/ys$/, "ies");
  return `${group}${isGlobal ? "" : `/namespaces/${namespace}`}/${plural}?dryRun=All`;
}

it.each(["base", "replicas"])("the API server takes every manifest of %s", async (folder) => {
  const namespace = `runlog-${folder}`;
  await admin.makeProject(namespace);
  const manifests = await kustomize(new URL(`${folder}/`, DEPLOY));
  for (const manifest of manifests.filter(({ kind }) => kind !== THERE)) {
    const { metadata } = manifest;
    const apiVersion = versionOf(manifest);
    // the namespace is that of this test, and its own name is taken
    const object = { ...manifest, apiVersion, metadata: { ...metadata, namespace: undefined } };
    if (manifest.kind === "Namespace") object.metadata.name = `${namespace}-too`;
    const made = await admin.ask<Manifest>("POST", pathOf(manifest, namespace), object);
    for (const part of ["spec", "rules", "subjects"])
      if (manifest[part]) expect(knownOf(made[part], manifest[part])).toEqual(manifest[part]);
  }
});

/** What the server made of the members that were given: one that it does not know is gone. */
function knownOf(made: Manifest, given: Manifest): Manifest {
  if (Array.isArray(given)) return given.map((each, i) => knownOf(made?.[i], each));
  if (typeof given !== "object" || given === null) return made;
  const members = Object.keys(given).map((name) => [name, knownOf(made?.[name], given[name])]);
  return Object.fromEntries(members);
}
