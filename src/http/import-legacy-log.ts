import type { MiddlewareHandler } from "hono";
import type { SessionService } from "../core/service.ts";
import { hasCode } from "../ports/errors.ts";
import type { SessionKey } from "../ports/log-store.ts";
import { sessionKeyOf } from "./session-key.ts";

/**
 * Imports the legacy log of a session's name, if there is one, when the session is first asked for.
 * The scan then goes on in the background; routes that need it wait for it themselves. Failures are
 * reported by `requireImport`: a session's document does not need its log.
 */
export function importLegacyLog(service: SessionService): MiddlewareHandler {
  return async (c, next) => {
    const key = sessionKeyOf(c);
    try {
      if (await service.legacyImports.importLog(key)) scanLegacyLog(service, key);
    } catch (error) {
      if (!hasCode(error, "log-not-adoptable"))
        service.logger.error("old-log-not-adopted", { ...key, error });
    }
    await next();
  };
}

/** Refuses a request that would read or write the log of a session whose legacy log has to stay. */
export function requireImport({ legacyImports }: SessionService): MiddlewareHandler {
  return async (c, next) => {
    try {
      await legacyImports.importLog(sessionKeyOf(c));
    } catch (error) {
      // the route meets any other failure as well, and has a text of its own for it
      if (hasCode(error, "log-not-adoptable")) throw error;
    }
    await next();
  };
}

function scanLegacyLog({ sessions, logger }: SessionService, key: SessionKey): void {
  sessions
    .with(key, (session) => session.load())
    .catch((error: unknown) => {
      // the next route that needs the log tries again
      logger.error("old-log-not-looked-through", { ...key, error });
    });
}
