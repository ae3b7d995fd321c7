import { logIdTime } from "../../src/ports/log-id.ts";
import type { ListedLog, LogStore } from "../../src/ports/log-store.ts";
import { bySessionAge } from "../../src/ports/session-order.ts";
import type { TimeSlicer } from "../../src/stream/sync/time-slicer.ts";
import { sortInTurns } from "../../src/stream/sync/sort-in-turns.ts";
import { ProjectRows } from "./project-rows.ts";

export interface SessionIndexOptions {
  readonly store: Pick<LogStore, "list" | "changes">;
  readonly turns: TimeSlicer;
  /** Memory for the rows of all projects. */
  readonly maxBytes: number;
}

/** The sessions of each project in the order of `bySessionAge`. */
export interface SessionIndex {
  /** The project's sessions by now; to be used at once, or copied. */
  rows(project: string): Promise<readonly ListedLog[]>;
}

/** A list of a project's sessions that is being made, and what has changed since it was begun. */
interface Build {
  readonly rows: Promise<readonly ListedLog[]>;
  readonly changes: Map<string, string | null>;
}

const PAGE = 1_000;

/**
 * Where the store reports every change, a project is listed once and its rows are kept up to date;
 * when there is no room the projects that were requested longest ago are evicted, and one that does
 * not fit alone is listed each time. Where other processes change the store as well, it is listed
 * each time: by one listing for all requests that come while it is under way.
 */
export function createSessionIndex({ store, turns, maxBytes }: SessionIndexOptions): SessionIndex {
  /** In order of their last use. */
  const projects = new Map<string, ProjectRows>();
  const builds = new Map<string, Build>();
  const current = new Map<string, Promise<readonly ListedLog[]>>();
  const following = new Map<string, Promise<readonly ListedLog[]>>();
  let bytes = 0;

  store.changes?.subscribe(({ project, session }, logId) => {
    builds.get(project)?.changes.set(session, logId);
    const rows = projects.get(project);
    if (!rows) return;
    bytes -= rows.bytes;
    apply(rows, project, session, logId);
    bytes += rows.bytes;
    makeRoom(project);
  });

  async function list(project: string): Promise<ListedLog[]> {
    const listed: ListedLog[] = [];
    let after: string | null = null;
    do {
      const page = await store.list({ project, limit: PAGE, ...(after !== null && { after }) });
      for (const log of page.items) listed.push(rowOf(log));
      after = page.next;
    } while (after !== null);
    return sortInTurns(listed, bySessionAge, turns);
  }

  async function build(project: string, changes: Build["changes"]): Promise<readonly ListedLog[]> {
    try {
      const rows = new ProjectRows(await list(project));
      for (const [session, logId] of changes) apply(rows, project, session, logId);
      projects.set(project, rows);
      bytes += rows.bytes;
      makeRoom(project);
      return rows.inOrder;
    } finally {
      builds.delete(project);
    }
  }

  /**
   * Evicts the projects that were requested longest ago, and `project` only if it does not fit
   * alone.
   */
  function makeRoom(project: string): void {
    for (const [name, rows] of projects) {
      if (bytes <= maxBytes) return;
      const isLast = projects.size === 1;
      if (name === project && !isLast) continue;
      projects.delete(name);
      bytes -= rows.bytes;
    }
    const rows = projects.get(project);
    if (!rows || bytes <= maxBytes) return;
    projects.delete(project);
    bytes -= rows.bytes;
  }

  /** A listing that begins no sooner than it is asked for. */
  function fresh(project: string): Promise<readonly ListedLog[]> {
    const underWay = current.get(project);
    if (!underWay) return begin(project);
    const known = following.get(project);
    if (known) return known;
    const goOn = (): Promise<readonly ListedLog[]> => {
      following.delete(project);
      return begin(project);
    };
    const next = underWay.then(goOn, goOn);
    following.set(project, next);
    return next;
  }

  function begin(project: string): Promise<readonly ListedLog[]> {
    const listing = list(project).finally(() => current.delete(project));
    current.set(project, listing);
    return listing;
  }

  return {
    rows(project) {
      if (store.changes === null) return fresh(project);
      const rows = projects.get(project);
      if (rows) {
        projects.delete(project);
        projects.set(project, rows);
        return Promise.resolve(rows.inOrder);
      }
      const known = builds.get(project);
      if (known) return known.rows;
      const changes: Build["changes"] = new Map();
      const made = { changes, rows: build(project, changes) };
      builds.set(project, made);
      return made.rows;
    },
  };
}

function apply(rows: ProjectRows, project: string, session: string, logId: string | null): void {
  if (logId === null) rows.remove(session);
  else rows.put(rowOf({ project, session, logId, createdAtMs: logIdTime(logId) }));
}

/** Documents have whole seconds: a finer order could not be seen in them. */
function rowOf(log: ListedLog): ListedLog {
  return { ...log, createdAtMs: Math.floor(log.createdAtMs / 1000) * 1000 };
}
