import type { MiddlewareHandler } from "hono";
import type { SessionService } from "../core/service.ts";
import { hasCode } from "../ports/errors.ts";
import type { SessionKey } from "../ports/log-store.ts";
import { sessionKeyOf } from "./session-key.ts";

/**
 * Has a session import the legacy log of its name, if there is one, when it is first asked for (contract
 * 6). Looking through it then goes on in the background; whoever needs it waits for that himself.
 * What fails is for `requireImport` to say: a session's document has no need of its log.
 */
export function importLegacyLog(service: SessionService): MiddlewareHandler {
  return async (c, next) => {
    const key = sessionKeyOf(c);
    try {
      if (await service.legacyImports.adopt(key)) scanLegacyLog(service, key);
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
      await legacyImports.adopt(sessionKeyOf(c));
    } catch (error) {
      // whatever else is wrong the route meets as well, and has a text of its own for it
      if (hasCode(error, "log-not-adoptable")) throw error;
    }
    await next();
  };
}

function scanLegacyLog({ sessions, logger }: SessionService, key: SessionKey): void {
  const use = sessions.use(key);
  use.session
    .load()
    .catch((error: unknown) => {
      // it is tried again by whoever needs the log
      logger.error("old-log-not-looked-through", { ...key, error });
    })
    .finally(() => use.release());
}
