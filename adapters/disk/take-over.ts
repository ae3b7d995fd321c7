import { existsSync } from "node:fs";
import { open, rename, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { createLogId } from "../../src/ports/log-id.ts";
import type { SessionKey } from "../../src/ports/log-store.ts";
import { isErrno } from "./errors.ts";
import { type Layout, LOG_FILES } from "./layout.ts";
import { replaceFile } from "./small-file.ts";
import { makeDirectory, syncDirectory } from "./sync-directory.ts";

/** The events of a legacy log. */
export const LEGACY_EVENTS = "agui-events.jsonl";

const LF = 10;

/**
 * Makes a legacy log's directory that of the session's log: one rename, completed by `completeTakeOver`.
 * Resolves with false if there is none any more.
 */
export async function takeOver(
  layout: Layout,
  key: SessionKey,
  edits: Uint8Array,
): Promise<boolean> {
  const old = layout.legacySession(key.session);
  await makeDirectory(layout.session(key), { durable: true });
  let dir: string;
  try {
    const { birthtimeMs, mtimeMs } = await stat(old);
    // lists sort it by its age, as far as the file system has that
    const bornMs = birthtimeMs > 0 ? Math.min(birthtimeMs, mtimeMs) : mtimeMs;
    dir = layout.log(key, createLogId(bornMs));
    await replaceFile(join(old, LOG_FILES.edits), edits, { durable: true });
    await rename(old, dir);
  } catch (error) {
    // another project was faster
    if (isErrno(error, "ENOENT")) return false;
    throw error;
  }
  // where it is before where it was: a loss of power between the two leaves one of them at least
  await syncDirectory(layout.session(key));
  await syncDirectory(dirname(old));
  await completeTakeOver(dir);
  return true;
}

/** Completes an import that a rename has begun; called before a log in its place is first used. */
export async function completeTakeOver(dir: string): Promise<void> {
  const events = join(dir, LEGACY_EVENTS);
  if (!existsSync(events)) return;
  await endLastLine(events);
  await rename(events, join(dir, LOG_FILES.raw));
  await syncDirectory(dir);
}

/** A torn last line gets its end, so that what comes after it is a line of its own. */
async function endLastLine(path: string): Promise<void> {
  const file = await open(path, "r+");
  try {
    const { size } = await file.stat();
    const last = new Uint8Array(1);
    if (size > 0) await file.read(last, 0, 1, size - 1);
    if (size > 0 && last[0] !== LF) await file.write(Uint8Array.of(LF), 0, 1, size);
    await file.sync();
  } finally {
    await file.close();
  }
}
