import { concatBytes } from "../../../stream/bytes/concat.ts";
import { sameBytes } from "../../../stream/bytes/string-cache.ts";
import { inTurns } from "../../../stream/sync/steps.ts";
import type { TimeSlicer } from "../../../stream/sync/time-slicer.ts";
import { writeInSteps } from "../../model/json-in-steps.ts";
import type { Entry } from "../client-view/message-order.ts";
import type { Pass } from "../profile-pass.ts";
import { type SavedProfile, saveProfile } from "../saved-profile.ts";

/**
 * A record is lines of JSON. In the order of the messages: a number of messages that are as in the record before, a
 * negative number of those that have gone from there, or `[characters, message]`; then, if it is another one, `{"state":…}`,
 * and last a `SavedRest`.
 */
export interface SavedRest {
  readonly profile: SavedProfile;
  /** Where messages were released: hashes of ids beyond those in the record before; else null. */
  readonly ids: readonly number[] | null;
}

/** A message as it was saved. */
interface SavedEntry {
  /** How often it had changed. */
  readonly changes: number;
  /** Of its line. */
  readonly bytes: number;
}

/** What of a view is saved, so that the next record has what is new. */
export class SavedView {
  readonly order: readonly Entry[];
  readonly #saved: ReadonlyMap<Entry, SavedEntry>;
  readonly seen: number;
  readonly ids: number;
  /** Whether messages were released. */
  readonly isReleased: boolean;
  /** The line with the state; empty for none. */
  readonly state: Uint8Array;
  /** What it takes to say all of the messages and the state. */
  readonly bytes: number;

  private constructor(
    pass: Pass | null,
    state: Uint8Array,
    lineBytes: (entry: Entry, index: number) => number,
  ) {
    const messages = pass?.messages;
    this.order = messages?.entries ?? [];
    const saved = new Map<Entry, SavedEntry>();
    let bytes = state.length;
    for (const [index, entry] of this.order.entries()) {
      const own = lineBytes(entry, index);
      saved.set(entry, { changes: entry.changes, bytes: own });
      bytes += own;
    }
    this.#saved = saved;
    this.bytes = bytes;
    this.seen = pass?.profile.parts.seen.count ?? 0;
    this.isReleased = messages?.isOverflowed ?? false;
    this.ids = messages?.isOverflowed ? messages.ids.length : 0;
    this.state = state;
  }

  /** Before the first record. */
  static readonly NOTHING: SavedView = new SavedView(null, new Uint8Array(0), () => 0);

  /** `lineBytes` are those of each message's line. */
  static of(
    pass: Pass,
    state: Uint8Array,
    lineBytes: (entry: Entry, index: number) => number,
  ): SavedView {
    return new SavedView(pass, state, lineBytes);
  }

  /** Bytes of a message's line; null where it has changed since, or is new. */
  bytesOf(entry: Entry): number | null {
    const saved = this.#saved.get(entry);
    return saved?.changes === entry.changes ? saved.bytes : null;
  }
}

const encoder = new TextEncoder();
const LF = Uint8Array.of(10);

/** The lines of a record, and then what is saved by then. */
export type RecordLines = AsyncGenerator<Uint8Array, SavedView, undefined>;

/**
 * What of a view is not in the records before, as lines; null where all of it is to be said. The view must not change
 * meanwhile.
 */
export async function* recordOf(
  pass: Pass,
  before: SavedView | null,
  turns: TimeSlicer,
): RecordLines {
  const { messages, profile, state: document } = pass;
  const { ids, order, seen, state: knownState } = before ?? SavedView.NOTHING;
  const bytes = new Map<Entry, number>();
  let kept = 0;
  let index = 0;
  for (const entry of messages.entries) {
    const known = before?.bytesOf(entry) ?? null;
    const from = index;
    if (known !== null) while (order[index] !== entry) index++;
    if (kept > 0 && (known === null || index > from)) {
      yield numberLine(kept);
      kept = 0;
    }
    if (index > from) yield numberLine(from - index);
    if (known === null) {
      const line = await lineOf([entry.chars, entry.message], turns);
      bytes.set(entry, line.length);
      yield line;
    } else {
      bytes.set(entry, known);
      kept++;
      index++;
    }
  }
  if (kept > 0) yield numberLine(kept);
  if (index < order.length) yield numberLine(index - order.length);
  const state = await lineOf({ state: document?.saved ?? null }, turns);
  if (!sameBytes(knownState, state, 0, state.length)) yield state;
  const rest: SavedRest = {
    profile: saveProfile(profile, seen),
    ids: messages.isOverflowed ? messages.ids.slice(ids) : null,
  };
  yield await lineOf(rest, turns);
  return SavedView.of(pass, state, (entry) => bytes.get(entry) ?? 0);
}

function numberLine(count: number): Uint8Array {
  return encoder.encode(`${count}\n`);
}

async function lineOf(value: unknown, turns: TimeSlicer): Promise<Uint8Array> {
  return concatBytes([...(await inTurns(writeInSteps(value), turns)), LF]);
}
