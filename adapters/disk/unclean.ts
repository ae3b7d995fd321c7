import { rm } from "node:fs/promises";
import { join } from "node:path";
import { UNCLEAN_FILE } from "./layout.ts";
import { readSmallFile, replaceFile } from "./small-file.ts";

/** The note of a log that was, or is, being written. */
export interface UncleanNote {
  /** The run of the machine in which it was opened. */
  readonly bootId: string;
  /** The device has the raw log up to here. */
  readonly syncedEnd: number;
}

const MAX_BYTES = 1024;

/**
 * The note in a log's directory, or null if the log was closed cleanly. A note that cannot be
 * understood is one of another run of the machine, of a log of which nothing is sure.
 */
export async function readUnclean(dir: string): Promise<UncleanNote | null> {
  const bytes = await readSmallFile(join(dir, UNCLEAN_FILE), MAX_BYTES);
  if (bytes === null) return null;
  const [bootId = "", end = "0"] = new TextDecoder().decode(bytes).split("\n");
  return { bootId, syncedEnd: /^\d{1,15}$/.test(end) ? Number(end) : 0 };
}

export async function writeUnclean(
  dir: string,
  { bootId, syncedEnd }: UncleanNote,
  options: { readonly durable: boolean },
): Promise<void> {
  await replaceFile(join(dir, UNCLEAN_FILE), `${bootId}\n${syncedEnd}\n`, options);
}

/** Takes the note away, whatever lies in its place. */
export function removeUnclean(dir: string): Promise<void> {
  return rm(join(dir, UNCLEAN_FILE), { recursive: true, force: true });
}
