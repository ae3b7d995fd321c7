import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { fileError, isMissing } from "./errors.ts";

/**
 * The keys of the files below `dir` that begin with `prefix`, after `startAfter`, in their order.
 */
export async function* keysIn(
  dir: string,
  prefix: string,
  startAfter: string,
  folder = "",
): AsyncGenerator<string> {
  const found = await readdir(join(dir, folder), { withFileTypes: true }).catch(
    (error: unknown) => {
      if (isMissing(error)) return [];
      throw fileError(error);
    },
  );
  const keys = found
    // a folder sorts by the slash after it, as its keys do
    .map((entry) => `${folder}${entry.name}${entry.isDirectory() ? "/" : ""}`)
    .filter((key) => folder !== "" || !key.startsWith("."))
    .sort((a, b) => (a < b ? -1 : 1));
  for (const key of keys) {
    const mayMatch = key.startsWith(prefix) || (key.endsWith("/") && prefix.startsWith(key));
    if (!mayMatch) continue;
    if (!key.endsWith("/")) {
      if (key > startAfter) yield key;
    } else if (key > startAfter || startAfter.startsWith(key)) {
      yield* keysIn(dir, prefix, startAfter, key);
    }
  }
}
