import type { LogStore, SessionKey } from "../../ports/log-store.ts";
import { idOf } from "../../ports/session-id.ts";
import { INSTRUMENTS, type StoreOperation } from "./instruments.ts";
import type { Meters } from "./meters.ts";
import { timed } from "./timed.ts";

const LINE_FEED = 0x0a;

/** A LogStore over `store` whose calls are measured. Their results, errors and bytes are those of `store`. */
export function measuredStore(store: LogStore, meters: Meters): LogStore {
  const { record } = meters;
  const open = createRunCount();
  const waiting = createRunCount();
  meters.observe(INSTRUMENTS.runsOpen, () => [{ value: open.size }]);
  meters.observe(INSTRUMENTS.runsWaiting, () => [{ value: waiting.size }]);
  const time = <T>(operation: StoreOperation, work: () => Promise<T>): Promise<T> =>
    timed(meters, INSTRUMENTS.storeCalls, operation, work);

  return {
    changes: store.changes,
    owns: (key) => store.owns(key),
    ownerOf: (key) => time("owner_of", () => store.ownerOf(key)),
    async acquire(key) {
      const owner = await time("acquire", () => store.acquire(key));
      record(INSTRUMENTS.leases, 1, { owner: owner.kind });
      return owner;
    },
    release: (key) => time("release", () => store.release(key)),
    leave: () => store.leave(),
    stat: (key) => time("stat", () => store.stat(key)),
    read(key, options) {
      // the stream stays the store's own: one around it would cost every byte of it
      record(INSTRUMENTS.storeReads, 1, { log: options.log ?? "raw" });
      return store.read(key, options);
    },
    list: (options) => time("list", () => store.list(options)),
    create: (key, options) => time("create", () => store.create(key, options)),
    async append(key, bytes, options) {
      const { log = "raw", expectedEnd } = options;
      // before the call: what the bytes are afterwards is their owner's business
      const events = log === "raw" ? countLines(bytes) : 0;
      const end = await time("append", () => store.append(key, bytes, options));
      record(INSTRUMENTS.appendedBytes, end - expectedEnd, { log });
      if (events > 0) record(INSTRUMENTS.appendedEvents, events);
      return end;
    },
    dropNote: (key, logId, noteKey) => time("drop_note", () => store.dropNote(key, logId, noteKey)),
    document: (key, logId) => time("document", () => store.document(key, logId)),
    setHead: (key, logId, head) => time("set_head", () => store.setHead(key, logId, head)),
    setDocument: (key, logId, document) =>
      time("set_document", () => store.setDocument(key, logId, document)),
    async markOpen(key, logId, runId, data) {
      await time("mark_open", () => store.markOpen(key, logId, runId, data));
      open.add(key, runId);
    },
    async clearOpen(key, logId, runId) {
      await time("clear_open", () => store.clearOpen(key, logId, runId));
      open.remove(key, runId);
    },
    openRuns: (key, options) => store.openRuns(key, options),
    async putRunBody(key, logId, runId, body) {
      await time("put_run_body", () => store.putRunBody(key, logId, runId, body));
      waiting.add(key, runId);
    },
    runBody: (key, logId, runId) => time("run_body", () => store.runBody(key, logId, runId)),
    async removeRunBody(key, logId, runId) {
      await time("remove_run_body", () => store.removeRunBody(key, logId, runId));
      waiting.remove(key, runId);
    },
    async delete(key) {
      const wasThere = await time("delete", () => store.delete(key));
      open.removeAll(key);
      waiting.removeAll(key);
      return wasThere;
    },
    check: () => time("check", () => store.check()),
    close: () => store.close(),
  };
}

function countLines(bytes: Uint8Array | readonly Uint8Array[]): number {
  const pieces = bytes instanceof Uint8Array ? [bytes] : bytes;
  let lines = 0;
  for (const piece of pieces)
    for (let at = piece.indexOf(LINE_FEED); at >= 0; at = piece.indexOf(LINE_FEED, at + 1)) lines++;
  return lines;
}

/** Runs, each counted once. */
function createRunCount() {
  const runsOf = new Map<string, Set<string>>();
  return {
    get size() {
      return [...runsOf.values()].reduce((sum, runs) => sum + runs.size, 0);
    },
    add(key: SessionKey, runId: string) {
      const id = idOf(key);
      const runs = runsOf.get(id) ?? new Set();
      runsOf.set(id, runs.add(runId));
    },
    remove(key: SessionKey, runId: string) {
      const id = idOf(key);
      const runs = runsOf.get(id);
      if (runs?.delete(runId) && runs.size === 0) runsOf.delete(id);
    },
    removeAll: (key: SessionKey) => void runsOf.delete(idOf(key)),
  };
}
