import { rmdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { RunlogError } from "../../src/ports/errors.ts";

/** Names of ours: no key begins with a dot. */
export const TAGS = ".tags";
const NOTES = ".notes";
export const TEMPORARY = ".tmp";

/** Where an object lies. Throws `store-failed` for a key that is no path below `dir`. */
export function pathIn(dir: string, key: string): string {
  if (key.split("/").some((part) => part === "" || part.startsWith(".") || part.includes("\0")))
    throw new RunlogError("store-failed", "This key is no name of a file");
  return join(dir, key);
}

/** Where the notes of the object lie that is the file of this inode. */
export function notesPath(dir: string, key: string, inode: number): string {
  return `${pathIn(join(dir, NOTES), key)}~${inode}`;
}

/** Takes away the folders that an object leaves empty. */
export async function removeEmptyFolders(dir: string, key: string): Promise<void> {
  for (let folder = dirname(key); folder !== "."; folder = dirname(folder))
    try {
      await rmdir(join(dir, folder));
    } catch {
      // not empty, or gone already
      return;
    }
}
