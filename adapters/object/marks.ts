import type { Logger } from "../../src/ports/logger.ts";
import type { LogStore, OpenRunMark, SessionKey } from "../../src/ports/log-store.ts";
import { checkMarkData } from "../../src/ports/log-values.ts";
import { onceEach } from "../../src/stream/sync/once-each.ts";
import {
  decodeOpenRunMark,
  encodeOpenRunMark,
  MAX_MARK_BYTES,
} from "../../src/ports/open-run-mark.ts";
import type { BucketAccess } from "./log-end.ts";
import type { HeldMarks } from "./held-marks.ts";
import { listKeys } from "./list.ts";
import type { OwnedSession } from "./owned-session.ts";
import type { OwnedSessions } from "./owned-sessions.ts";
import { readWhole } from "./read-whole.ts";

/** So many keys are remembered, so that each is logged once. */
const MAX_ODD_MARKS = 1_000;
/** Marks that are read at once. */
const READ_AT_ONCE = 16;

/** A run as the store names it. */
export type RunName = Omit<OpenRunMark, "data">;

/** A run id is any text of a client, and no part of a key. */
export async function hashOf(runId: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(runId));
  const hex = Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0"));
  return hex.join("").slice(0, 32);
}

async function markKey({ keys }: BucketAccess, mark: RunName): Promise<string> {
  return keys.mark(mark, await hashOf(mark.runId));
}

/** Stores a mark of this owner. Throws `invalid-input` if its data are too long. */
export async function putMark(
  access: BucketAccess,
  mark: OpenRunMark,
  ownerId: string,
): Promise<void> {
  checkMarkData(mark.data);
  const key = await markKey(access, mark);
  const bytes = new TextEncoder().encode(encodeOpenRunMark(mark));
  await access.retry.until((signal) => access.bucket.put(key, bytes, { tag: ownerId, signal }));
}

export async function removeMark(access: BucketAccess, mark: RunName): Promise<void> {
  const key = await markKey(access, mark);
  await access.retry.until((signal) => access.bucket.delete([key], { signal }));
}

interface MarkQuery {
  /** Called with the key of an object among them that is no mark. */
  readonly onOdd: (key: string) => void;
  /** Only this session's. Default: all. */
  readonly session?: SessionKey | undefined;
  /** Whether the mark of this key is left out. */
  readonly isLeftOut: (key: string) => Promise<boolean>;
}

/** The marks of a session, or of all: listed, then read a few at a time. */
async function* allMarks(
  access: BucketAccess,
  { isLeftOut, onOdd, session }: MarkQuery,
): AsyncGenerator<OpenRunMark> {
  const { marks: prefix } = access.keys;
  for await (const keys of session ? marksOf(access, session) : listKeys(access, prefix))
    for (let from = 0; from < keys.length; from += READ_AT_ONCE) {
      const some = keys.slice(from, from + READ_AT_ONCE);
      const marks = await Promise.all(
        some.map(async (key) => ((await isLeftOut(key)) ? null : readMark(access, key))),
      );
      for (const [index, mark] of marks.entries()) {
        if (mark === ODD) onOdd(some[index] ?? "");
        // null: left out, or cleared since it was listed
        else if (mark !== null) yield mark;
      }
    }
}

/** The marks of one session, as keys. */
export function marksOf(access: BucketAccess, key: SessionKey): AsyncGenerator<string[]> {
  return listKeys(access, access.keys.marksOf(key));
}

export interface MarkOperationsOptions {
  readonly access: BucketAccess;
  readonly logger: Pick<Logger, "warn">;
  readonly sessions: Pick<OwnedSessions, "use">;
  readonly held: HeldMarks;
  /** Uses the session whose log this is, as a write. */
  readonly withLog: (
    key: SessionKey,
    logId: string,
    operation: (session: OwnedSession) => Promise<void>,
  ) => Promise<void>;
  /** Throws when the store is closed. */
  readonly assertOpen: () => void;
}

/** The marks of open runs, as `LogStore` has them. */
export function createMarkOperations(
  options: MarkOperationsOptions,
): Pick<LogStore, "markOpen" | "clearOpen" | "openRuns"> {
  const { access, assertOpen, held, logger, sessions, withLog } = options;
  const noteOddMark = onceEach(MAX_ODD_MARKS, (object) =>
    logger.warn("run-mark-passed-over", { object }),
  );
  return {
    markOpen: async (key, logId, runId, data) =>
      withLog(key, logId, (session) => session.markOpen(runId, data)),

    async clearOpen(key, logId, runId) {
      assertOpen();
      await sessions.use(key, (session) =>
        session?.logId === logId
          ? session.clearOpen(runId)
          : removeMark(access, { ...key, logId, runId }),
      );
    },

    async *openRuns(session, { leaveOutHeld = false } = {}) {
      assertOpen();
      const isLeftOut = leaveOutHeld ? held.look() : async () => false;
      yield* allMarks(access, { onOdd: noteOddMark, session, isLeftOut });
    },
  };
}

const ODD = Symbol("odd");

async function readMark(
  access: BucketAccess,
  key: string,
): Promise<OpenRunMark | null | typeof ODD> {
  const { bucket, retry } = access;
  const bytes = await retry.until(async (signal) => {
    const found = await bucket.get(key, { signal });
    if (found === null || found.size <= MAX_MARK_BYTES) return found && readWhole(found);
    await found.bytes.cancel();
    return NOTHING;
  });
  if (bytes === null) return null;
  const mark = decodeOpenRunMark(new TextDecoder().decode(bytes));
  return mark && (await markKey(access, mark)) === key ? mark : ODD;
}

const NOTHING = new Uint8Array(0);
