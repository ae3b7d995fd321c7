import type { Context } from "hono";
import type { SessionService } from "../core/service.ts";
import { getSession, listSessions } from "../core/documents/session-queries.ts";
import type { TokenUsage } from "../core/model/token-usage.ts";
import { currentRuns } from "../core/runs/current-runs.ts";
import type { RunAccepted } from "../core/runs/run-request.ts";
import { RunlogError } from "../ports/errors.ts";
import type { SessionKey } from "../ports/log-store.ts";
import { directoryOf } from "./access.ts";
import { failed } from "./session-change.ts";
import { projectOf, sessionKeyOf } from "./session-key.ts";

const DEFAULT_LIMIT = 20;
const MAX_LIMIT = 100;

/** `GET …/agentic-sessions`: a page of the project's sessions (PROTOCOL 7.1). */
export function sessionsGet(service: SessionService) {
  return async (c: Context): Promise<Response> => {
    const project = projectOf(c);
    const limit = integerOf(c, "limit", DEFAULT_LIMIT);
    const query = {
      limit: limit <= 0 ? DEFAULT_LIMIT : Math.min(limit, MAX_LIMIT),
      offset: Math.max(0, integerOf(c, "offset", 0)),
      search: c.req.query("search") ?? "",
    };
    try {
      const sources = { sessions: service.sessions, directory: directoryOf(c, service) };
      return c.json(await listSessions(sources, project, query));
    } catch (error) {
      return failed(c, service, error, "Failed to list agentic sessions");
    }
  };
}

/** `GET …/agentic-sessions/:sessionName`: one session's document (PROTOCOL 7.2). */
export function sessionGet(service: SessionService) {
  return async (c: Context): Promise<Response> => {
    const key = sessionKeyOf(c);
    try {
      const document = await getSession(
        {
          sessions: service.sessions,
          directory: directoryOf(c, service),
          activeRun: () => activeRunOf(service, key),
          usage: () => usageOf(service, key),
        },
        key,
      );
      if (!document) throw new RunlogError("session-not-found", "Session not found");
      return c.json(document);
    } catch (error) {
      return failed(c, service, error, "Failed to get agentic session");
    }
  };
}

/** Null where the log cannot be read: the document is there all the same. */
async function usageOf(
  { logger, runIndexes, sessions }: SessionService,
  key: SessionKey,
): Promise<TokenUsage | null> {
  try {
    return await sessions.with(key, (session) => runIndexes.usage(session));
  } catch (error) {
    logger.warn("usage-not-read", { ...key, error });
    return null;
  }
}

async function activeRunOf(
  { runs, sessions }: SessionService,
  key: SessionKey,
): Promise<RunAccepted | null> {
  return sessions.with(key, async (session) => {
    await session.load();
    return currentRuns(runs, session).activeRun;
  });
}

function integerOf(c: Context, name: string, fallback: number): number {
  const text = c.req.query(name);
  if (text === undefined || text === "") return fallback;
  const number = Number(text);
  if (!/^[+-]?\d+$/.test(text) || !Number.isSafeInteger(number))
    throw new RunlogError("invalid-input", "Invalid pagination parameters");
  return number;
}
