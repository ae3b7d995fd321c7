import { hasCode, RunlogError } from "../../src/ports/errors.ts";
import { listedLogs } from "../../src/ports/listed-logs.ts";
import type { ListedLog, LogStore, SessionKey } from "../../src/ports/log-store.ts";
import type { Logger } from "../../src/ports/logger.ts";
import type { SessionDirectory, SessionDocument } from "../../src/ports/session-directory.ts";
import { idOf } from "../../src/ports/session-id.ts";
import { createTimeSlicer } from "../../src/stream/sync/time-slicer.ts";
import { onceEach } from "../../src/stream/sync/once-each.ts";
import { createKeyedMutex } from "../../src/stream/sync/keyed-mutex.ts";
import { createAddresses, type LocalAgent } from "./addresses.ts";
import {
  changedDocument,
  documentOf,
  documentOfListed,
  encodeDocument,
  isOddDocument,
  type KnownLog,
  newDocument,
  writableDocument,
} from "./document.ts";
import { createRowCache, type RowTexts } from "./row-cache.ts";
import { searchRows } from "./search-rows.ts";
import { createSessionIndex } from "./session-index.ts";

export type { LocalAgent } from "./addresses.ts";
export { createLocalAuthorizer } from "./authorizer.ts";
export { createLocalPlatform } from "./platform.ts";

export interface LocalDirectoryOptions {
  readonly store: LogStore;
  /** URL of runners; `{session}`, as a label, and `{project}` are filled in. */
  readonly runnerUrl: string;
  /** The agents that sessions can have, in place of `runnerUrl`. Default: one, without a name. */
  readonly agents?: readonly LocalAgent[];
  /** Logs, once for each session, that its document cannot be read. Default: not logged. */
  readonly logger?: Pick<Logger, "warn">;
}

const PAGE = 1_000;
const UNKNOWN_TEXTS: RowTexts = { displayName: "", initialPrompt: "" };
/** So many sessions are remembered, so that each is logged once. */
const MAX_ODD = 10_000;
/** Memory for rows, and for the texts that only a search needs; a character may take two bytes. */
const ROW_BYTES = 32 * 1024 * 1024;
const ROW_CACHE_CHARS = 16 * 1024 * 1024;
/** Of each turn of the event loop so much is for sorting and searching, in ms. */
const TURN_MS = 5;

/**
 * A SessionDirectory for one machine: its sessions are those with a log in the store, and
 * their documents are those of the logs. It stores nothing else, and is the only writer of documents
 * in its store. A session whose log cannot be read is listed by its name and age.
 *
 * @example
 * ```ts
 * import { createDiskLogStore } from "runlog/disk";
 * import { createLocalDirectory } from "runlog/local";
 *
 * const store = createDiskLogStore({ dir: "/data" });
 * const directory = createLocalDirectory({ store, runnerUrl: "http://{session}.local:8001/" });
 * ```
 */
export function createLocalDirectory({
  store,
  runnerUrl,
  agents = [],
  logger,
}: LocalDirectoryOptions): SessionDirectory {
  const inTurn = createKeyedMutex();
  const noteOdd = onceEach(MAX_ODD, (_logId, { project, session }: SessionKey) =>
    logger?.warn("session-document-not-readable", { project, session }),
  );
  const rowCache = createRowCache(ROW_CACHE_CHARS);
  const turns = createTimeSlicer({ turnMs: TURN_MS });
  const index = createSessionIndex({ store, turns, maxBytes: ROW_BYTES });
  store.changes?.subscribe((key) => rowCache.forget(idOf(key)));

  /** Runs what changes a session, alone. */
  function change<T>(key: SessionKey, operation: () => Promise<T>): Promise<T> {
    const id = idOf(key);
    return inTurn.run(id, async () => {
      rowCache.forget(id);
      try {
        return await operation();
      } finally {
        rowCache.forget(id);
      }
    });
  }

  async function rowOf(log: ListedLog): Promise<RowTexts | null> {
    const read = rowCache.row(idOf(log), log.logId, () => readRow(log));
    return unlessUnreadable(read, UNKNOWN_TEXTS);
  }

  /** The document in the log; null for one that cannot be read. */
  function documentIn(key: SessionKey, log: KnownLog): SessionDocument {
    if (isOddDocument(log)) noteOdd(log.logId, key);
    return documentOf(key, log);
  }

  const known = (log: ListedLog): RowTexts | null => rowCache.known(idOf(log), log.logId);

  async function readRow(log: ListedLog): Promise<RowTexts | null> {
    try {
      const document = await store.document(log, log.logId);
      const { displayName, initialPrompt } = documentIn(log, { ...log, document }).spec;
      return { displayName: textOf(displayName), initialPrompt: textOf(initialPrompt) };
    } catch (error) {
      if (hasCode(error, "log-not-found")) return null;
      throw error;
    }
  }

  const directory: SessionDirectory = {
    logsMakeSessions: true,
    agents: agents.map(({ name, description = null }) => ({ name, description })),

    // callers are not identified: each may do everything
    as: () => directory,

    async get(key) {
      const stat = await store.stat(key);
      return stat && documentIn(key, stat);
    },

    create: (key, session) =>
      change(key, async () => {
        if (await store.stat(key))
          throw new RunlogError("session-exists", "There is a session of this name");
        const log = await store.create(key);
        const document = newDocument(key, session, log);
        try {
          await store.setDocument(key, log.logId, encodeDocument(document));
        } catch (error) {
          // its log alone would look like a session
          await store.delete(key).catch(() => {});
          throw error;
        }
        return document;
      }),

    update: (key, edit) =>
      change(key, async () => {
        const stat = await store.stat(key);
        if (!stat) return null;
        const before = writableDocument(key, stat);
        const after = changedDocument(before, edit(before));
        try {
          await store.setDocument(key, stat.logId, encodeDocument(after));
        } catch (error) {
          if (hasCode(error, "log-not-found")) return null;
          throw error;
        }
        return after;
      }),

    delete: (key) => change(key, () => store.delete(key)),

    async page(project, { limit, offset, search }, { signal } = {}) {
      signal?.throwIfAborted();
      const rows = await index.rows(project);
      // a copy: it goes on changing
      const matching =
        search === ""
          ? rows
          : await searchRows([...rows], search, { turns, known, read: rowOf, signal });
      const totalCount = matching.length;
      const wanted = matching.slice(offset, offset + limit);
      signal?.throwIfAborted();
      const found = await Promise.all(
        wanted.map((log) => unlessUnreadable(directory.get(log), documentOfListed(log))),
      );
      const documents = found.filter((document) => document !== null);
      return { documents, totalCount };
    },

    async projectsWith(session) {
      const projects: string[] = [];
      for await (const log of listedLogs(store, { limit: PAGE }))
        if (log.session === session) projects.push(log.project);
      return projects;
    },

    addressOf: createAddresses({ runnerUrl, agents, get: (key) => directory.get(key) }),
  };
  return directory;
}

/** What `read` gives, or `known` if this one session is not to be read. */
async function unlessUnreadable<T>(read: Promise<T>, known: T): Promise<T> {
  try {
    return await read;
  } catch (error) {
    if (hasCode(error, "store-failed")) return known;
    throw error;
  }
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}
