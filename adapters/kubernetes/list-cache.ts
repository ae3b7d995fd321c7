import type { SessionPage, SessionQuery } from "../../src/ports/session-directory.ts";
import { createByteBudget } from "../../src/stream/sync/byte-budget.ts";
import { createTimeSlicer } from "../../src/stream/sync/time-slicer.ts";
import { createProjectList, type ProjectList, type ProjectListOptions } from "./project-list.ts";
import { createRecentDocuments } from "./recent-documents.ts";
import type { SessionResource } from "./resources.ts";

export interface ListCacheOptions extends Pick<ProjectListOptions, "api" | "clock" | "logger"> {
  /** For all projects. */
  readonly maxBytes: number;
}

/**
 * The lists of the projects that somebody looks at: however many look, the API server is asked for one
 * list and one watch a project. What does not fit into memory is not cached.
 */
export interface ListCache {
  /** A page, or null if it has to be read elsewhere. */
  page(project: string, query: SessionQuery): Promise<SessionPage | null>;
  wrote(resource: SessionResource): void;
  deleted(project: string, session: string): void;
  close(): void;
}

/** How long in ms a project is followed after its last request. */
const IDLE_MS = 10 * 60_000;
/** How long a project that did not fit is not tried again. */
const OVERFLOW_MS = 60_000;
const SWEEP_MS = 30_000;
/** Of each turn of the event loop so much is for searching, in ms. */
const TURN_MS = 5;

interface Entry {
  readonly list: ProjectList;
  usedAtMs: number;
}

export function createListCache({ api, clock, logger, maxBytes }: ListCacheOptions): ListCache {
  // rows and documents share one half, the texts that only a search needs have the other
  const rows = createByteBudget(Math.floor(maxBytes / 2));
  const texts = createByteBudget(Math.floor(maxBytes / 2));
  const documents = createRecentDocuments(rows, Math.floor(maxBytes / 4));
  const budgets = { rows, texts, makeRoom: () => documents.yield() };
  const turns = createTimeSlicer({ turnMs: TURN_MS });
  const entries = new Map<string, Entry>();
  const overflownAtMs = new Map<string, number>();

  function entryOf(project: string): Entry {
    const known = entries.get(project);
    if (known) return known;
    const list = createProjectList(project, { api, clock, logger, budgets, documents, turns });
    const entry = { list, usedAtMs: clock.now() };
    entries.set(project, entry);
    return entry;
  }

  function drop(project: string): void {
    entries.get(project)?.list.close();
    entries.delete(project);
  }

  function sweep(): void {
    const nowMs = clock.now();
    for (const [project, { usedAtMs }] of entries) if (nowMs - usedAtMs > IDLE_MS) drop(project);
    for (const [project, atMs] of overflownAtMs)
      if (nowMs - atMs > OVERFLOW_MS) overflownAtMs.delete(project);
  }

  const cancelSweep = clock.every(SWEEP_MS, sweep);

  return {
    async page(project, query) {
      if (overflownAtMs.has(project)) return null;
      const entry = entryOf(project);
      entry.usedAtMs = clock.now();
      const page = await entry.list.page(query);
      if (entry.list.isOverflowing && entries.get(project) === entry) {
        logger.warn("session-list-too-large", { project, maxBytes });
        overflownAtMs.set(project, clock.now());
        drop(project);
      }
      return page;
    },

    wrote(resource) {
      entries.get(resource.metadata.namespace ?? "")?.list.wrote(resource);
    },

    deleted(project, session) {
      entries.get(project)?.list.deleted(session);
    },

    close() {
      cancelSweep();
      for (const project of entries.keys()) drop(project);
    },
  };
}
