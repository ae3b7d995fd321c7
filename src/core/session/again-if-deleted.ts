import { hasCode } from "../../ports/errors.ts";

/** A session that is deleted and made again faster than this is not read. */
const MAX_TRIES = 5;

/**
 * Calls `load`, and again where the log that it found was deleted while it was read: there is another one by then, or
 * none. Throws what `load` throws.
 */
export async function againIfDeleted(load: () => Promise<void>): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      return await load();
    } catch (error) {
      if (!hasCode(error, "log-not-found") || tries === MAX_TRIES) throw error;
    }
  }
}
