import type { Session } from "./session.ts";

/**
 * Calls `write` with the id of the session's log, which is made if there is none. A log that was made for a write that
 * fails, perhaps for lack of space, is removed again if nothing is in it. Throws as `Session.load`, and what `write`
 * throws.
 */
export async function withLog<T>(
  session: Pick<Session, "load" | "loadOrCreate" | "discardEmpty">,
  write: (logId: string) => Promise<T>,
): Promise<T> {
  const isNew = (await session.load()) === null;
  const logId = await session.loadOrCreate();
  try {
    return await write(logId);
  } catch (error) {
    if (isNew) await session.discardEmpty(logId);
    throw error;
  }
}
