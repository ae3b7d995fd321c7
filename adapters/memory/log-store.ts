import type { Clock } from "../../src/ports/clock.ts";
import { RunlogError } from "../../src/ports/errors.ts";
import { LOG_NAMES } from "../../src/ports/log-store.ts";
import { checkDocument, checkHead, checkMarkData } from "../../src/ports/log-values.ts";
import type { LogStore, OpenRunMark, SessionKey } from "../../src/ports/log-store.ts";
import { createSessionChanges } from "../../src/ports/session-changes.ts";
import { createSoleOwnership } from "../../src/ports/session-owner.ts";
import { idOf } from "../../src/ports/session-id.ts";
import { labelled } from "../../src/stream/text/dns-label.ts";
import { byteLength, createGrowingBytes } from "./growing-bytes.ts";
import { pageOf } from "./list.ts";
import { streamOf } from "./read.ts";
import { checkNote, createSessionLog, statOf } from "./session-log.ts";
import type { SessionLog } from "./session-log.ts";

export interface MemoryLogStoreOptions {
  /** Dates the logs. Default: the machine's clock. */
  readonly clock?: Pick<Clock, "now">;
  /** How many bytes all logs may hold together; heads, documents, marks and bodies apart. Default: no limit. */
  readonly maxBytes?: number;
}

/**
 * A LogStore in memory, the reference model of the port: every operation takes effect in one step,
 * at its call. It creates no file and forgets everything with the process.
 *
 * Throws `store-full` when an append would go beyond `maxBytes`, `invalid-input` for a page size or
 * a mark outside the port's limits.
 *
 * @example
 * ```ts
 * import { createMemoryLogStore } from "runlog/memory";
 *
 * const store = createMemoryLogStore({ maxBytes: 64 * 1024 * 1024 });
 * const { logId } = await store.create({ project: "p", session: "s" });
 * ```
 */
export function createMemoryLogStore(options: MemoryLogStoreOptions = {}): LogStore {
  const { clock = { now: () => Date.now() }, maxBytes = Number.POSITIVE_INFINITY } = options;
  const logs = new Map<string, SessionLog>();
  const changes = createSessionChanges();
  let usedBytes = 0;
  let closed = false;

  function assertOpen(): void {
    if (closed) throw new RunlogError("store-closed", "The store is closed");
  }

  function find(key: SessionKey): SessionLog | undefined {
    assertOpen();
    return logs.get(idOf(key));
  }

  /** The session's log, whichever it is or the one with `logId`; else `log-not-found`. */
  function need(key: SessionKey, logId?: string): SessionLog {
    const log = find(key);
    if (log === undefined || (logId ?? log.logId) !== log.logId)
      throw new RunlogError("log-not-found", "There is no such log", { ...key });
    return log;
  }

  return {
    changes,
    ...createSoleOwnership(assertOpen),

    async create(key, createOptions) {
      let log = find(key);
      if (log === undefined) {
        log = createSessionLog(key, clock.now(), createOptions);
        logs.set(idOf(key), log);
        changes.announce(key, log.logId);
      }
      return statOf(log);
    },

    async stat(key) {
      const log = find(key);
      return log === undefined ? null : statOf(log);
    },

    async append(key, bytes, { logId, expectedEnd, log: name = "raw", note }) {
      const log = need(key);
      const target = log.bytes[name];
      if (logId !== log.logId || expectedEnd !== target.length)
        throw new RunlogError("log-fenced", "Another writer has the log", { end: target.length });
      const pieces = bytes instanceof Uint8Array ? [bytes] : bytes;
      const added = byteLength(pieces);
      if (note) checkNote(log, name, note, added);
      if (usedBytes + added > maxBytes)
        throw new RunlogError("store-full", "The store is full", { maxBytes });
      target.append(pieces);
      usedBytes += added;
      if (note) log.notes.set({ ...note, end: target.length });
      return target.length;
    },

    read(key, readOptions) {
      return streamOf(() => need(key, readOptions.logId), readOptions);
    },

    dropNote: async (key, logId, note) => void need(key, logId).notes.drop(note),

    async document(key, logId) {
      return need(key, logId).document;
    },

    async setHead(key, logId, head) {
      const log = need(key, logId);
      checkHead(head);
      log.head = head.slice();
    },

    async setDocument(key, logId, document) {
      const log = need(key, logId);
      checkDocument(labelled(key.session), document);
      log.document = document.slice();
      changes.announce(key, logId);
    },

    async markOpen(key, logId, runId, data) {
      const log = need(key, logId);
      checkMarkData(data);
      log.marks.set(runId, data);
    },

    async clearOpen(key, logId, runId) {
      assertOpen();
      const log = find(key);
      if (log?.logId === logId) log.marks.delete(runId);
    },

    async *openRuns(key): AsyncGenerator<OpenRunMark> {
      assertOpen();
      const log = key && logs.get(idOf(key));
      const some = key === undefined ? logs.values() : [log ?? []].flat();
      for (const { project, session, logId, marks } of some)
        for (const [runId, data] of marks) yield { project, session, logId, runId, data };
    },

    async putRunBody(key, logId, runId, body) {
      const kept = createGrowingBytes();
      kept.append(body);
      need(key, logId).bodies.set(runId, kept);
    },

    async runBody(key, logId, runId) {
      const body = need(key, logId).bodies.get(runId);
      return body ? body.slice(0, body.length) : null;
    },

    async removeRunBody(key, logId, runId) {
      need(key, logId).bodies.delete(runId);
    },

    async list(listOptions = {}) {
      assertOpen();
      return pageOf(logs.values(), listOptions);
    },

    async delete(key) {
      const log = find(key);
      if (log === undefined) return false;
      for (const name of LOG_NAMES) usedBytes -= log.bytes[name].length;
      logs.delete(idOf(key));
      changes.announce(key, null);
      return true;
    },

    async check() {
      assertOpen();
    },

    async close() {
      closed = true;
      logs.clear();
    },
  };
}
