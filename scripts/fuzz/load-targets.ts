import { readdir } from "node:fs/promises";
import type { FuzzTarget } from "./fuzz-target.ts";

const FOLDER = new URL("./targets/", import.meta.url);

/** Names of the targets: each file of the folder `targets` is one, and exports it as `target`. */
export async function targetNames(): Promise<string[]> {
  const files = await readdir(FOLDER);
  return files.map((file) => file.replace(/\.ts$/, "")).sort();
}

/** The target in the file of this name. */
export async function loadTarget(name: string): Promise<FuzzTarget> {
  const { target }: { readonly target: FuzzTarget } = await import(`${FOLDER.href}${name}.ts`);
  return target;
}
