import { RunlogError } from "../../ports/errors.ts";
import type { LegacyLogs } from "../../ports/legacy-logs.ts";
import { type AppendNote, LOG_NAMES, type LogName, type LogStore } from "../../ports/log-store.ts";
import { Sha256 } from "../../stream/bytes/sha256.ts";
import type { Archives } from "./archives.ts";
import { type Manifest, type PackName, packOf, totalBytes } from "./manifest.ts";
import type { WatchOptions } from "./progress.ts";
import { NO_HEAD } from "./stub.ts";

export interface RestoreOptions extends WatchOptions {
  /** Holds a stub of the session whose logs are empty. */
  readonly store: LogStore;
  /** Takes messages in an older format; if null, they stay in the archive. */
  readonly legacy: Pick<LegacyLogs, "putMessages"> | null;
  readonly archives: Archives;
  readonly manifest: Manifest;
}

const LF = 10;
/** Bytes of one append; a longer line is appended in one piece. */
const APPEND_BYTES = 1024 * 1024;

/**
 * Restores a session's bytes to the store, and its head last: until then the stub stands, so that
 * an interrupted restore has changed nothing. Throws `archive-damaged` when the bytes are not those
 * that were archived.
 */
export async function restoreLogs(options: RestoreOptions): Promise<void> {
  const { store, legacy, manifest, onProgress } = options;
  const total = totalBytes(manifest);
  let doneBytes = 0;
  const onBytes = (bytes: number): void => {
    doneBytes += bytes;
    onProgress?.({ phase: "restore", doneBytes, totalBytes: total });
  };
  for (const log of LOG_NAMES) await restoreLog(options, log, onBytes);
  if (manifest.messages) {
    const messages = wholeOf(options, "messages", onBytes);
    await legacy?.putMessages(manifest, manifest.logId, messages);
  }
  await store.setHead(manifest, manifest.logId, manifest.head ?? NO_HEAD);
}

async function restoreLog(
  options: RestoreOptions,
  log: LogName,
  onBytes: (bytes: number) => void,
): Promise<void> {
  const { store, manifest } = options;
  const { logId } = manifest;
  const { bytes: end } = manifest.logs[log];
  // each where it was: at the end of an append
  const notes = (log === "raw" ? manifest.notes : []).toSorted((a, b) => a.end - b.end);
  let at = 0;
  let lines: Uint8Array[] = [];
  let size = 0;
  const append = async (note?: AppendNote): Promise<void> => {
    if (size === 0) return;
    const durable = at + size === end;
    const about = { logId, log, expectedEnd: at, ...(note && { note }) };
    // on the device before the head, which makes them count
    at = await store.append(manifest, lines, { ...about, durable });
    lines = [];
    size = 0;
  };
  for await (const packed of wholeOf(options, log, onBytes)) {
    let chunk = packed;
    for (let [note] = notes; note && note.end - at - size <= chunk.length; [note] = notes) {
      const missing = note.end - at - size;
      lines.push(chunk.subarray(0, missing));
      size += missing;
      chunk = chunk.subarray(missing);
      await append({ key: note.key, text: note.text });
      notes.shift();
    }
    const lineEnd = chunk.lastIndexOf(LF) + 1;
    const whole = chunk.subarray(0, lineEnd);
    if (whole.length > 0) lines.push(whole);
    size += whole.length;
    // an append ends with a line: the rest of this chunk goes with the next
    const isDue = lineEnd > 0 && size >= APPEND_BYTES;
    if (isDue) await append();
    const rest = chunk.subarray(lineEnd);
    if (rest.length > 0) lines.push(rest);
    size += rest.length;
  }
  await append();
}

/** All of a pack. Throws `archive-damaged` after the last chunk if it is not what was archived. */
async function* wholeOf(
  { archives, manifest, signal = new AbortController().signal }: RestoreOptions,
  log: PackName,
  onBytes: (bytes: number) => void,
): AsyncGenerator<Uint8Array> {
  const { bytes: end, sha256 } = packOf(manifest, log);
  const hash = new Sha256();
  for await (const chunk of archives.read(manifest, { log, start: 0, end, signal })) {
    hash.update(chunk);
    onBytes(chunk.length);
    yield chunk;
  }
  if (hash.hex() !== sha256)
    throw new RunlogError("archive-damaged", "An archived log is not what was archived");
}
