import type { SessionKey } from "../ports/log-store.ts";
import type { SessionDirectory, SessionDocument, SessionRow } from "../ports/session-directory.ts";
import type { Sessions } from "./sessions.ts";

/** Where sessions are looked up, and what their agents are doing. */
export interface SessionSources {
  readonly directory: SessionDirectory;
  readonly sessions: Pick<Sessions, "agentStatus">;
}

/** A session's document, with what its agent is doing while it runs; null if there is none. */
export async function getSession(
  { directory, sessions }: SessionSources,
  key: SessionKey,
): Promise<SessionDocument | null> {
  const document = await directory.get(key);
  return document && withAgentStatus(sessions, key, document);
}

/** The document with what the session's agent is doing, if it runs and that is known. */
export async function withAgentStatus(
  sessions: SessionSources["sessions"],
  key: SessionKey,
  document: SessionDocument,
): Promise<SessionDocument> {
  const { status } = document;
  if (status?.phase !== "Running") return document;
  const agentStatus = await sessions.agentStatus(key);
  return agentStatus === null ? document : { ...document, status: { ...status, agentStatus } };
}

export interface SessionListQuery {
  /** Items wanted. */
  readonly limit: number;
  /** Items skipped. */
  readonly offset: number;
  /** Substring of name, display name or initial prompt, in any case; "" for all. */
  readonly search: string;
}

/** A page of sessions as clients get it (contract 3.2). */
export interface SessionList {
  readonly items: readonly SessionDocument[];
  readonly totalCount: number;
  readonly limit: number;
  readonly offset: number;
  readonly hasMore: boolean;
  readonly nextOffset?: number;
}

type SortKey = Pick<SessionRow, "session" | "createdAtMs">;

/**
 * A page of a project's sessions, newest first, then by name. One pass keeps the sort keys of what
 * matches; only the wanted page is read whole, by name.
 */
export async function listSessions(
  sources: SessionSources,
  project: string,
  { limit, offset, search }: SessionListQuery,
): Promise<SessionList> {
  const wanted = search.toLowerCase();
  const keys: SortKey[] = [];
  for await (const row of sources.directory.rows(project))
    if (matches(row, wanted)) keys.push({ session: row.session, createdAtMs: row.createdAtMs });
  keys.sort((a, b) => b.createdAtMs - a.createdAtMs || (a.session < b.session ? -1 : 1));

  const page = keys.slice(offset, offset + limit);
  const found = await Promise.all(
    page.map(({ session }) => getSession(sources, { project, session })),
  );
  const hasMore = offset + limit < keys.length;
  return {
    // a session that went since the pass is left out; the counts are those of the pass
    items: found.filter((document) => document !== null),
    totalCount: keys.length,
    limit,
    offset,
    hasMore,
    ...(hasMore && { nextOffset: offset + limit }),
  };
}

function matches(row: SessionRow, wanted: string): boolean {
  return (
    wanted === "" ||
    [row.session, row.displayName, row.initialPrompt].some((text) =>
      text.toLowerCase().includes(wanted),
    )
  );
}
