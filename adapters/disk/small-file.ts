import { open, readFile, rename } from "node:fs/promises";
import { diskError, isErrno } from "./errors.ts";

/** Replaces a small file: whoever reads it sees the old content or the new, whole. */
export async function replaceFile(
  path: string,
  content: Uint8Array | string,
  options: { readonly durable: boolean },
): Promise<void> {
  const temporary = `${path}.tmp`;
  try {
    const file = await open(temporary, "w", 0o640);
    try {
      await file.writeFile(content);
      if (options.durable) await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    throw diskError(error);
  }
}

/** The content of a small file, or null if there is none. */
export async function readSmallFile(path: string): Promise<Uint8Array | null> {
  try {
    return new Uint8Array(await readFile(path));
  } catch (error) {
    if (isErrno(error, "ENOENT")) return null;
    throw diskError(error);
  }
}
