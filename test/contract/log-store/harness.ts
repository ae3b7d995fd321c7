import type { LogStat, LogStore, SessionKey } from "../../../src/ports/log-store.ts";
import { drain } from "../bytes.ts";
import { withHarness } from "../with-harness.ts";

/** One fresh, empty store and what a test may do with it besides using it. */
export interface LogStoreHarness {
  readonly store: LogStore;
  /** Closes the store and opens the same data again. Durable stores have it. */
  readonly reopen?: () => Promise<LogStore>;
  /** Closes whatever is open and removes all data. Called once, also after a failed test. */
  dispose(): Promise<void>;
}

export interface LogStoreContractOptions {
  /** Makes a fresh, empty store: called once for each test. */
  readonly create: () => Promise<LogStoreHarness>;
}

/** Wraps a test's body so that it gets a harness of its own. */
export type FreshStore = (body: (harness: LogStoreHarness) => Promise<void>) => () => Promise<void>;

/** Makes the wrapper that gives each test a fresh store and disposes of it afterwards. */
export function freshStore({ create }: LogStoreContractOptions): FreshStore {
  return (body) => () => withHarness(create, body);
}

/** For tests of many small steps, each of which goes over a network in some stores. */
export const MANY_STEPS_MS = 180_000;

/** The session that most tests write. */
export const KEY: SessionKey = { project: "demo", session: "session-1" };

/** An id of the right form that no store has made: it is of 1970. */
export const FOREIGN_LOG_ID = "000000000foreign";

/** Creates the log of `KEY` and appends `lines` one after the other. Resolves with its stat. */
export async function seedLog(
  store: LogStore,
  lines: readonly Uint8Array[],
  key: SessionKey = KEY,
): Promise<LogStat> {
  const { logId } = await store.create(key);
  let expectedEnd = 0;
  for (const line of lines) expectedEnd = await store.append(key, line, { logId, expectedEnd });
  const stat = await store.stat(key);
  if (stat === null) throw new Error("The log that was just made is not there");
  return stat;
}

/** The whole raw log of `key`, or null if there is none. */
export async function readRaw(store: LogStore, key: SessionKey = KEY): Promise<Uint8Array | null> {
  const stat = await store.stat(key);
  return stat === null ? null : drain(store.read(key, { logId: stat.logId }));
}
