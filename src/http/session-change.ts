import type { Context } from "hono";
import { type JsonObject, parseBody } from "../core/model/json-fields.ts";
import type { SessionService } from "../core/service.ts";
import type { SessionChange } from "../core/documents/session-patches.ts";
import { changeSession } from "../core/lifecycle/session-commands.ts";
import { RunlogError } from "../ports/errors.ts";
import type { SessionKey } from "../ports/log-store.ts";
import type { SessionDirectory, SessionDocument } from "../ports/session-directory.ts";
import { directoryOf } from "./access.ts";
import { problemOf } from "./problem.ts";
import { readJsonBody } from "./read-body.ts";

/** Largest body that creates or changes a session, bytes (PROTOCOL 1.5). */
export const MAX_SESSION_BODY: number = 1024 * 1024;

/** The route's texts for unexpected errors. */
interface ChangeTexts {
  /** The session could not be read. */
  readonly read: string;
  /** The session could not be written. */
  readonly write: string;
}

export interface ChangeOptions {
  readonly change: SessionChange;
  readonly texts: ChangeTexts;
  /** The answer with the document as it is now. */
  readonly answer: (document: SessionDocument) => Response;
  /** The answer when the session is deleted between reading and writing. Default: 404. */
  readonly gone?: () => Response;
  /**
   * How often a session that is not found is looked up: a new one may take a moment to be visible.
   * Default 1.
   */
  readonly attempts?: number;
}

const ATTEMPT_PAUSE_MS = 300;

/** Changes a session, if there is one, and answers. */
export async function answerChange(
  c: Context,
  service: SessionService,
  key: SessionKey,
  { change, texts, answer, gone, attempts = 1 }: ChangeOptions,
): Promise<Response> {
  const directory = directoryOf(c, service);
  try {
    if (!(await isThere(service, directory, key, attempts))) throw notFound();
  } catch (error) {
    return failed(c, service, error, texts.read);
  }
  try {
    const document = await changeSession(directory, service.sessions, key, change);
    if (document) return answer(document);
    if (gone) return gone();
    throw notFound();
  } catch (error) {
    return failed(c, service, error, texts.write);
  }
}

async function isThere(
  { clock }: SessionService,
  directory: SessionDirectory,
  key: SessionKey,
  attempts: number,
): Promise<boolean> {
  // a directory of logs knows a new session at once
  const more = directory.logsMakeSessions ? 0 : attempts - 1;
  for (let left = more; ; left--) {
    if (await directory.get(key)) return true;
    if (left <= 0) return false;
    await new Promise<void>((resolve) => clock.after(ATTEMPT_PAUSE_MS, resolve));
  }
}

/** The JSON object in the request's body; throws what `readJsonBody` and `parseBody` throw. */
export async function bodyOf(
  c: Context,
  { bodyBudget }: SessionService,
  limitBytes: number,
): Promise<JsonObject> {
  const body = await readJsonBody(c, { limitBytes, budget: bodyBudget });
  try {
    return parseBody(body.bytes);
  } finally {
    body.release();
  }
}

/** The problem document of an error; an error of the server is logged. */
export function failed(
  c: Context,
  { logger }: SessionService,
  error: unknown,
  text: string,
): Response {
  const response = problemOf(c, error, text);
  if (response.status >= 500) logger.error("request-failed", { route: c.req.routePath, error });
  return response;
}

function notFound(): RunlogError {
  return new RunlogError("session-not-found", "Session not found");
}
