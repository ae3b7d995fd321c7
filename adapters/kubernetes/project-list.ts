import type { Clock } from "../../src/ports/clock.ts";
import type { Logger } from "../../src/ports/logger.ts";
import { hasCode } from "../../src/ports/errors.ts";
import type {
  SessionDocument,
  SessionPage,
  SessionQuery,
} from "../../src/ports/session-directory.ts";
import type { TimeSlicer } from "../../src/stream/sync/time-slicer.ts";
import { OWN, type Api } from "./api.ts";
import { documentOf, rowOf } from "./document.ts";
import { orNull } from "./failure.ts";
import { inParallel } from "./in-parallel.ts";
import { ProjectRows, type RowBudgets } from "./project-rows.ts";
import type { RecentDocuments } from "./recent-documents.ts";
import { type SessionResource, sessionPath, sessionsPath } from "./resources.ts";
import { follow, type Follower, parse } from "./watch.ts";

export interface ProjectListOptions {
  readonly api: Api;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly budgets: RowBudgets;
  readonly documents: RecentDocuments;
  /** Where searches have their turns. */
  readonly turns: TimeSlicer;
}

/** How long in ms pages are made of the last known state when the watch has broken. */
const STALE_MS = 30_000;
const DOCUMENTS_AT_ONCE = 16;

/** The sessions of one project, listed once and kept up to date by a watch. */
export interface ProjectList {
  /** Whether the project does not fit: then its pages are null. */
  readonly isOverflowing: boolean;
  /** A page, or null if it has to be read elsewhere: the list cannot be had, is stale or too large. */
  page(query: SessionQuery): Promise<SessionPage | null>;
  /** An object was written through this process: the watch will report it, but not at once. */
  wrote(resource: SessionResource): void;
  deleted(session: string): void;
  close(): void;
}

export function createProjectList(project: string, options: ProjectListOptions): ProjectList {
  const { api, clock, logger, budgets, documents, turns } = options;
  const rows = new ProjectRows(budgets);
  const stop = new AbortController();
  /** Settles with the first list; it is listed again by itself if that fails. */
  const first = Promise.withResolvers<void>();
  /** Uids of sessions that were deleted through this process, until the watch has reported that. */
  let deletedUids = new Set<string>();
  /** Documents that are being read, for all who want them. */
  const reading = new Map<string, Promise<SessionDocument | null>>();
  let isListed = false;
  let lostAtMs: number | null = null;
  let seen = new Set<string>();
  let seenDeleted = new Set<string>();

  const idOf = (session: string): string => `${project}/${session}`;

  function put(resource: SessionResource, jsonBytes: number): void {
    const { name, uid, resourceVersion: version } = resource.metadata;
    if (deletedUids.has(uid)) return;
    // later requests must not get what was read before this
    reading.delete(name);
    rows.put({ ...rowOf(resource), uid, version });
    if (rows.get(name)?.version !== version || !documents.has(idOf(name))) return;
    documents.put(idOf(name), documentOf(resource), jsonBytes);
  }

  function forget(session: string): void {
    rows.remove(session);
    reading.delete(session);
    documents.forget(idOf(session));
  }

  const follower: Follower<SessionResource> = {
    begin() {
      seen = new Set();
      seenDeleted = new Set();
    },
    item(json) {
      const resource = parse<SessionResource>(json);
      const { name, uid } = resource.metadata;
      seen.add(name);
      if (deletedUids.has(uid)) seenDeleted.add(uid);
      put(resource, json.length);
    },
    listed(version) {
      rows.keepOnly(seen, version);
      seen = new Set();
      deletedUids = seenDeleted;
      isListed = true;
      first.resolve();
    },
    heard: () => (lostAtMs = null),
    changed: put,
    removed({ metadata: { name, uid } }) {
      deletedUids.delete(uid);
      if (rows.get(name)?.uid === uid) forget(name);
    },
    lost(error) {
      lostAtMs ??= clock.now();
      first.resolve();
      const reason = hasCode(error, "platform-failed") ? error.facts["reason"] : "broken off";
      logger.warn("session-watch-lost", { project, reason });
    },
  };
  void follow({ api, clock }, { path: sessionsPath(project), signal: stop.signal }, follower);

  /** The document as it was last read or watched; null if the session was deleted meanwhile. */
  function documentFor(session: string): Promise<SessionDocument | null> {
    const known = documents.get(idOf(session));
    if (known) return Promise.resolve(known);
    const underWay = reading.get(session);
    if (underWay) return underWay;
    const document = readDocument(session).finally(() => {
      if (reading.get(session) === document) reading.delete(session);
    });
    reading.set(session, document);
    return document;
  }

  async function readDocument(session: string): Promise<SessionDocument | null> {
    const path = sessionPath({ project, session });
    const request = { account: OWN, method: "GET", path } as const;
    const resource = await orNull(api.json<SessionResource>(request), "NotFound");
    if (!resource) return null;
    const document = documentOf(resource);
    // a document of another version than the row's would not be replaced when the watch reports a
    // change
    if (rows.get(session)?.version === resource.metadata.resourceVersion)
      documents.put(idOf(session), document, JSON.stringify(document).length);
    return document;
  }

  return {
    get isOverflowing() {
      return rows.isOverflowing;
    },

    async page({ limit, offset, search }) {
      await first.promise;
      const isStale = lostAtMs !== null && clock.now() - lostAtMs > STALE_MS;
      if (!isListed || isStale || rows.isOverflowing) return null;
      const matching = await rows.matching(search, turns);
      if (!matching) return null;
      const totalCount = matching.length;
      const wanted = matching.slice(offset, offset + limit);
      const found = await inParallel(wanted, DOCUMENTS_AT_ONCE, ({ session }) =>
        documentFor(session),
      );
      return { documents: found.filter((document) => document !== null), totalCount };
    },

    wrote: (resource) => put(resource, JSON.stringify(resource).length),

    deleted(session) {
      const known = rows.get(session);
      if (known) deletedUids.add(known.uid);
      forget(session);
    },

    close() {
      stop.abort();
      first.resolve();
      isListed = false;
      for (const { session } of rows.inOrder) documents.forget(idOf(session));
      rows.clear();
    },
  };
}
