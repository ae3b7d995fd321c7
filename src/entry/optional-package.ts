import { RunlogError } from "../ports/errors.ts";

/**
 * Loads what needs an optional dependency: some installations leave it out. Throws `store-failed`,
 * with what to install, where it is missing.
 *
 * @param setting what needs it, as people set it: `s3://`
 */
export async function loadOptional<T>(
  load: () => Promise<T>,
  { name, setting }: { readonly name: string; readonly setting: string },
): Promise<T> {
  try {
    return await load();
  } catch (cause) {
    if (!(cause instanceof Error && "code" in cause && cause.code === "ERR_MODULE_NOT_FOUND"))
      throw cause;
    const text = `${setting} needs the package ${name}, which is not installed: npm install ${name}`;
    throw new RunlogError("store-failed", text, { cause });
  }
}
