import { readFile } from "node:fs/promises";
import { loadAllYaml } from "@kubernetes/client-node";

/** A manifest, of which tests look at what they know. */
// oxlint-disable-next-line typescript/no-explicit-any -- what is in it is what the tests are about
export type Manifest = any;

interface Kustomization {
  readonly namespace?: string;
  readonly resources: readonly string[];
  readonly patches?: readonly {
    readonly path?: string;
    readonly patch?: string;
    readonly target?: { readonly kind: string; readonly name: string };
  }[];
}

/**
 * What `kubectl kustomize` makes of the folder `dir`, as far as ours go: resources that are files or
 * folders, strategic patches of lists that go by `name` or `mountPath`, and patches that add to a list.
 * Throws for anything else.
 */
export async function kustomize(dir: URL): Promise<Manifest[]> {
  const read = (name: string): Promise<string> => readFile(new URL(name, dir), "utf8");
  const [kustomization] = parseManifests(await read("kustomization.yaml"));
  const { resources, patches = [] } = kustomization as Kustomization;
  const found = resources.map(async (name): Promise<Manifest[]> => {
    if (!name.endsWith(".yaml")) return kustomize(new URL(`${name}/`, dir));
    return parseManifests(await read(name));
  });
  let manifests = (await Promise.all(found)).flat();
  for (const { path, patch = "", target } of patches) {
    const [given] = parseManifests(path === undefined ? patch : await read(path));
    const { kind, name } = target ?? { kind: given.kind, name: given.metadata.name };
    const at = manifests.findIndex((each) => each.kind === kind && each.metadata.name === name);
    if (at === -1) throw new Error(`There is no ${kind} ${name} to be patched`);
    const patched = Array.isArray(given)
      ? addTo(manifests[at], given)
      : merged(manifests[at], given);
    manifests = patched === null ? manifests.toSpliced(at, 1) : manifests.with(at, patched);
  }
  return manifests;
}

/** The documents as they are: of what the client library knows it makes objects with other names. */
export function parseManifests(yaml: string): Manifest[] {
  const unknown = yaml.replaceAll(/^apiVersion: (.*)$/gm, "apiVersion: plain.invalid/v1\nsaid: $1");
  const documents: Manifest[] = loadAllYaml(unknown).filter((document) => document !== null);
  return documents.map((document) => {
    if (Array.isArray(document)) return document;
    const { said: apiVersion, ...members } = document;
    return { ...members, apiVersion };
  });
}

/** A strategic merge; null where the patch deletes. */
function merged(value: Manifest, patch: Manifest): Manifest {
  if (patch?.$patch === "delete") return null;
  if (Array.isArray(patch)) return mergedList(value ?? [], patch);
  if (typeof patch !== "object" || patch === null) return patch;
  const result = { ...value };
  for (const [name, member] of Object.entries(patch)) result[name] = merged(result[name], member);
  return result;
}

/** What is new comes first, as kustomize has it. */
function mergedList(values: Manifest[], patches: Manifest[]): Manifest[] {
  const keyOf = (each: Manifest): unknown => each.mountPath ?? each.name;
  if (values.length === 0) return patches;
  const unnamed = patches.find((patch) => keyOf(patch) === undefined);
  if (unnamed) throw new Error(`No name to merge by: ${JSON.stringify(unnamed)}`);
  const kept = values.flatMap((value) => {
    const patch = patches.find((each) => keyOf(each) === keyOf(value));
    return (patch ? merged(value, patch) : value) ?? [];
  });
  const isNew = (patch: Manifest): boolean =>
    patch.$patch === undefined && !values.some((value) => keyOf(value) === keyOf(patch));
  return [...patches.filter(isNew), ...kept];
}

/** A JSON patch whose operations add to the ends of lists. */
function addTo(value: Manifest, operations: Manifest[]): Manifest {
  const result = structuredClone(value);
  for (const { op, path, value: added } of operations) {
    const [, list, ...more] = /^\/(.+)\/-$/.exec(path) ?? [];
    if (op !== "add" || list === undefined || more.length > 0) throw new Error(`${op} ${path}`);
    list
      .split("/")
      .reduce((at: Manifest, name: string) => at[name], result)
      .push(added);
  }
  return result;
}
