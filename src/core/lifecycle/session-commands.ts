import type { Caller } from "../../ports/authorizer.ts";
import { RunlogError } from "../../ports/errors.ts";
import type { LiveFeed } from "../../ports/live-feed.ts";
import type { LogStore, SessionKey } from "../../ports/log-store.ts";
import type { SessionDirectory, SessionDocument } from "../../ports/session-directory.ts";
import type { SessionPlatform } from "../../ports/session-platform.ts";
import { isNameBy, newSessionName } from "../model/names.ts";
import { isObject, type JsonObject } from "../model/json-fields.ts";
import { DELETED } from "../model/run-end-reasons.ts";
import type { SessionChange } from "../documents/session-patches.ts";
import { withAgentStatus } from "../documents/session-queries.ts";
import { assertAgentExists } from "../documents/session-agent.ts";
import {
  agentIn,
  nameOf,
  newSession,
  parentOf,
  runnerOf,
  userContextOf,
} from "../documents/new-session.ts";
import type { Sessions } from "../session/session-registry.ts";
import type { Runs } from "../runs/runs.ts";
import type { Incarnations } from "./incarnations.ts";

/** A new session as the answer to its client describes it. */
export interface CreatedSession {
  readonly name: string;
  readonly uid: string;
  /** The branch that the session's agent works on. */
  readonly autoBranch: string;
}

interface RunnerChoice {
  readonly platform: SessionPlatform;
  /** The models that may be asked for, or null for any. */
  readonly models: readonly string[] | null;
}

interface Creation {
  readonly sessions: Pick<Sessions, "with">;
  readonly legacyImports: { importLog(key: SessionKey): Promise<unknown> };
}

interface Removal {
  readonly feed: LiveFeed;
  readonly incarnations: Incarnations;
  readonly runs: Runs;
  readonly store: LogStore;
}

/** Where a session is created, by whom, and its body. */
export interface SessionRequest {
  readonly project: string;
  readonly body: JsonObject;
  readonly caller: Caller;
}

/** The environment of a new session's runner. Throws `invalid-input`, and as the platform. */
export async function runnerEnvironment(
  { platform, models }: RunnerChoice,
  { project, body, caller }: SessionRequest,
): Promise<Readonly<Record<string, string>>> {
  const { runnerType, model } = runnerOf(body);
  if (models !== null && !models.includes(model))
    throw new RunlogError("invalid-input", "Model is not available for this runner type");
  return platform.runnerEnvironment({ project, runnerType, model, caller });
}

/**
 * Creates the session that a request body asks for, under the name that it gives or a new one.
 * Throws `invalid-input`, `invalid-name`, `agent-not-found`, and as the directory.
 */
export async function createSession(
  { legacyImports, sessions }: Creation,
  directory: SessionDirectory,
  { project, body, caller }: SessionRequest,
  environment: Readonly<Record<string, string>>,
): Promise<CreatedSession> {
  const agent = agentIn(body);
  if (agent !== null) assertAgentExists(directory, agent);
  const inherited = await contextOfParent(directory, project, parentOf(body));
  const userContext = inherited ?? userContextOf(caller);
  const session = newSession(body, { userContext, runnerEnvironment: environment });
  const given = nameOf(body);
  const name = given === null ? `session-${crypto.randomUUID()}` : newSessionName(given, directory);
  // a legacy log under the name is that session
  if (given !== null && directory.logsMakeSessions)
    await legacyImports.importLog({ project, session: name });
  const key = { project, session: name };
  // a write that is refused must not take the log with it that it has made for itself
  const { metadata } = await sessions.with(key, (open) =>
    open.whileStoring(() => directory.create(key, session)),
  );
  return { name, uid: metadata.uid, autoBranch: `ambient/${name}` };
}

/** Changes a session; resolves with its document as clients get it, or null if there is none. */
export async function changeSession(
  directory: SessionDirectory,
  sessions: Pick<Sessions, "agentStatus">,
  key: SessionKey,
  change: SessionChange,
): Promise<SessionDocument | null> {
  const document = await directory.update(key, change);
  return document && withAgentStatus(sessions, key, document);
}

/**
 * Removes a session with all that was stored for it. Its runs end first, so that viewers get the
 * reason; then the streams of its log end. Throws `session-not-found`, and as directory and store.
 */
export async function deleteSession(
  { feed, incarnations, runs, store }: Removal,
  directory: SessionDirectory,
  key: SessionKey,
): Promise<void> {
  const { logsMakeSessions } = directory;
  // outside the log store the directory decides first: a caller who may not delete it ends nothing
  // of it
  const wasApart = !logsMakeSessions && (await directory.delete(key));
  incarnations.forget(key);
  await runs.endSession(key, DELETED, async () => {
    // once: a second removal would meet the session that somebody has made under the name meanwhile
    const hadLog = await (logsMakeSessions ? directory : store).delete(key);
    if (!wasApart && !hadLog) throw new RunlogError("session-not-found", "Session not found");
    feed.publish({ ...key, logId: null, end: 0 });
  });
}

/** The user of the parent session; null without a parent, or if it cannot be read or has none. */
async function contextOfParent(
  directory: SessionDirectory,
  project: string,
  parent: string | null,
): Promise<JsonObject | null> {
  if (parent === null || !isNameBy(directory, parent)) return null;
  const document = await directory.get({ project, session: parent }).catch(() => null);
  const context = document?.spec["userContext"];
  return isObject(context) ? context : null;
}
