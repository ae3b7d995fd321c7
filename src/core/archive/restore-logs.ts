import { RunlogError } from "../../ports/errors.ts";
import { LOG_NAMES, type LogName, type LogStore } from "../../ports/log-store.ts";
import { Sha256 } from "../../stream/sha256.ts";
import type { Archives, WatchOptions } from "./archives.ts";
import { type Manifest, totalBytes } from "./manifest.ts";
import { NO_HEAD } from "./stub.ts";

export interface RestoreOptions extends WatchOptions {
  /** Holds a stub of the session whose logs are empty. */
  readonly store: LogStore;
  readonly archives: Archives;
  readonly manifest: Manifest;
}

const LF = 10;
/** Bytes of one append; a line that is longer takes what it needs. */
const APPEND_BYTES = 1024 * 1024;

/**
 * Brings a session's bytes back into the store, and its head last: before that the stub stands, so
 * that a restoring that breaks off has changed nothing. Throws `archive-damaged` when the bytes are
 * not those that were archived.
 */
export async function restoreLogs(options: RestoreOptions): Promise<void> {
  const { store, manifest, onProgress } = options;
  const total = totalBytes((log) => manifest.logs[log].bytes);
  let doneBytes = 0;
  for (const log of LOG_NAMES)
    await restoreLog(options, log, (bytes) => {
      doneBytes += bytes;
      onProgress?.({ phase: "restore", doneBytes, totalBytes: total });
    });
  await store.setHead(manifest, manifest.logId, manifest.head ?? NO_HEAD);
}

async function restoreLog(
  { store, archives, manifest, signal = new AbortController().signal }: RestoreOptions,
  log: LogName,
  onBytes: (bytes: number) => void,
): Promise<void> {
  const { logId } = manifest;
  const { bytes: end, sha256 } = manifest.logs[log];
  const hash = new Sha256();
  let at = 0;
  let lines: Uint8Array[] = [];
  let size = 0;
  const append = async (): Promise<void> => {
    if (size === 0) return;
    const isLast = at + size === end;
    // on the device before the head says that it is here
    at = await store.append(manifest, lines, { logId, log, expectedEnd: at, durable: isLast });
    onBytes(size);
    lines = [];
    size = 0;
  };
  for await (const chunk of archives.read(manifest, { log, start: 0, end, signal })) {
    hash.update(chunk);
    const lineEnd = chunk.lastIndexOf(LF) + 1;
    const whole = chunk.subarray(0, lineEnd);
    if (whole.length > 0) lines.push(whole);
    size += whole.length;
    // what is appended ends with a line: the rest of this chunk goes with the next
    const isDue = lineEnd > 0 && size >= APPEND_BYTES;
    if (isDue) await append();
    const rest = chunk.subarray(lineEnd);
    if (rest.length > 0) lines.push(rest);
    size += rest.length;
  }
  if (hash.hex() !== sha256)
    throw new RunlogError("archive-damaged", "An archived log is not what was archived");
  await append();
}
