import type { OpenRunMark, SessionKey } from "../../src/ports/log-store.ts";
import { checkMarkData } from "../../src/ports/log-values.ts";
import {
  decodeOpenRunMark,
  encodeOpenRunMark,
  MAX_MARK_BYTES,
} from "../../src/ports/open-run-mark.ts";
import type { BucketAccess } from "./log-end.ts";
import { listKeys } from "./list.ts";
import { readWhole } from "./read-whole.ts";

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

/** Stores a mark. Throws `invalid-input` if its data are too long. */
export async function putMark(access: BucketAccess, mark: OpenRunMark): Promise<void> {
  checkMarkData(mark.data);
  const key = await markKey(access, mark);
  const bytes = new TextEncoder().encode(encodeOpenRunMark(mark));
  await access.retry.until((signal) => access.bucket.put(key, bytes, { signal }));
}

export async function removeMark(access: BucketAccess, mark: RunName): Promise<void> {
  const key = await markKey(access, mark);
  await access.retry.until((signal) => access.bucket.delete([key], { signal }));
}

/**
 * The marks of a session, or of all: listed, then read a few at a time. `onOdd` is called with the
 * key of an object among them that is no mark.
 */
export async function* allMarks(
  access: BucketAccess,
  onOdd: (key: string) => void,
  session?: SessionKey,
): AsyncGenerator<OpenRunMark> {
  const { marks: prefix } = access.keys;
  for await (const keys of session ? marksOf(access, session) : listKeys(access, prefix))
    for (let from = 0; from < keys.length; from += READ_AT_ONCE) {
      const some = keys.slice(from, from + READ_AT_ONCE);
      const marks = await Promise.all(some.map((key) => readMark(access, key)));
      for (const [index, mark] of marks.entries()) {
        if (mark === ODD) onOdd(some[index] ?? "");
        // null: cleared since it was listed
        else if (mark !== null) yield mark;
      }
    }
}

/** The marks of one session, as keys. */
export function marksOf(access: BucketAccess, key: SessionKey): AsyncGenerator<string[]> {
  return listKeys(access, access.keys.marksOf(key));
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
