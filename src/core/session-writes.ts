import type { Caller } from "../ports/authorizer.ts";
import { RunlogError } from "../ports/errors.ts";
import type { SessionKey } from "../ports/log-store.ts";
import type { SessionDocument } from "../ports/session-directory.ts";
import { isLabel } from "./names.ts";
import { isObject, type JsonObject } from "./json-fields.ts";
import { DELETED } from "./run.ts";
import type { SessionService } from "./service.ts";
import type { SessionChange } from "./session-changes.ts";
import { withAgentStatus } from "./session-list.ts";
import { newSession, parentOf, userContextOf } from "./session-spec.ts";

/** What a client is told of the session that it made. */
export interface CreatedSession {
  readonly name: string;
  readonly uid: string;
  /** The branch that the session's agent works on. */
  readonly autoBranch: string;
}

/** Makes the session that a request body asks for. Throws `invalid-input`, and as the directory. */
export async function createSession(
  service: Pick<SessionService, "directory">,
  project: string,
  body: JsonObject,
  caller: Caller,
): Promise<CreatedSession> {
  const inherited = await contextOfParent(service, project, parentOf(body));
  const session = newSession(body, inherited ?? userContextOf(caller));
  const name = `session-${crypto.randomUUID()}`;
  const { metadata } = await service.directory.create({ project, session: name }, session);
  return { name, uid: metadata.uid, autoBranch: `ambient/${name}` };
}

/** Changes a session; resolves with its document as clients get it, or null if there is none. */
export async function changeSession(
  { directory, sessions }: Pick<SessionService, "directory" | "sessions">,
  key: SessionKey,
  change: SessionChange,
): Promise<SessionDocument | null> {
  const document = await directory.update(key, change);
  return document && withAgentStatus(sessions, key, document);
}

/**
 * Removes a session with all that was stored for it. Its runs end first, so that whoever watches sees
 * why; then the streams of its log end. Throws `session-not-found`, and as directory and store.
 */
export function deleteSession(
  service: Pick<SessionService, "directory" | "feed" | "runs" | "store">,
  key: SessionKey,
): Promise<void> {
  const { directory, feed, runs, store } = service;
  return runs.endSession(key, DELETED, async () => {
    const wasThere = await directory.delete(key);
    // a directory may keep sessions elsewhere and know nothing of logs
    const hadLog = await store.delete(key);
    if (!wasThere && !hadLog) throw new RunlogError("session-not-found", "Session not found");
    feed.publish({ ...key, logId: null, end: 0 });
  });
}

/** Whom the parent belongs to; null without a parent, or if it cannot be read or does not say. */
async function contextOfParent(
  { directory }: Pick<SessionService, "directory">,
  project: string,
  parent: string | null,
): Promise<JsonObject | null> {
  if (parent === null || !isLabel(parent)) return null;
  const document = await directory.get({ project, session: parent }).catch(() => null);
  const context = document?.spec["userContext"];
  return isObject(context) ? context : null;
}
