import type { SessionKey } from "../../ports/log-store.ts";
import type {
  SessionDirectory,
  SessionDocument,
  SessionQuery,
} from "../../ports/session-directory.ts";
import type { TokenUsage } from "../model/token-usage.ts";
import type { Sessions } from "../session/session-registry.ts";

/** The directory of sessions, and the source of their agents' status. */
export interface SessionSources {
  readonly directory: SessionDirectory;
  readonly sessions: Pick<Sessions, "agentStatus">;
}

/** Where it is known what a session's runs are. */
interface RunSources {
  readonly activeRun: (key: SessionKey) => Promise<{ readonly runId: string } | null>;
  /** The tokens that its runs took, as far as they are known; null if nothing is. */
  readonly usage: (key: SessionKey) => Promise<TokenUsage | null>;
}

/**
 * A session's document, with its agent's status and active run while it runs, and with the tokens that its runs
 * took; null if there is no session.
 */
export async function getSession(
  { directory, sessions, activeRun, usage: usageOf }: SessionSources & RunSources,
  key: SessionKey,
): Promise<SessionDocument | null> {
  const found = await directory.get(key);
  const document = found && (await withAgentStatus(sessions, key, found));
  // a session at rest, of which most are, need not be loaded
  const agentStatus = document?.status?.["agentStatus"] ?? "idle";
  const run = agentStatus === "idle" ? null : await activeRun(key);
  const usage = document && (await usageOf(key));
  const known = { ...(run && { activeRun: run }), ...(usage && { usage }) };
  return document && (run || usage)
    ? { ...document, status: { ...document.status, ...known } }
    : document;
}

/** The document with its agent's status, if the session runs and the status is known. */
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

/** A page of sessions as clients get it (PROTOCOL 7.1). */
export interface SessionList {
  readonly items: readonly SessionDocument[];
  readonly totalCount: number;
  readonly limit: number;
  readonly offset: number;
  readonly hasMore: boolean;
  readonly nextOffset?: number;
}

/** A page of a project's sessions, newest first, with their agents' status. */
export async function listSessions(
  { directory, sessions }: SessionSources,
  project: string,
  query: SessionQuery,
): Promise<SessionList> {
  const { limit, offset } = query;
  const { documents, totalCount } = await directory.page(project, query);
  const hasMore = offset + limit < totalCount;
  return {
    items: await Promise.all(
      documents.map((document) =>
        withAgentStatus(sessions, { project, session: document.metadata.name }, document),
      ),
    ),
    totalCount,
    limit,
    offset,
    hasMore,
    ...(hasMore && { nextOffset: offset + limit }),
  };
}
