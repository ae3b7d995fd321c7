import type { LogReader, SessionKey } from "../../../ports/log-store.ts";
import { concatBytes } from "../../../stream/bytes/concat.ts";
import { inTurns, eachInSteps } from "../../../stream/sync/steps.ts";
import type { TimeSlicer } from "../../../stream/sync/time-slicer.ts";
import { checksum, NO_BYTES } from "../../compaction/checksum.ts";
import { parseExact } from "../../model/exact-json.ts";
import type { Message } from "../repair/repair-message.ts";
import type { SavedState } from "../client-view/state-document.ts";
import type { Pass } from "../profile-pass.ts";
import { restoreProfile, type SavedProfile } from "../saved-profile.ts";
import type { Keyframe } from "./keyframe-index.ts";
import { type SavedRest, SavedView } from "./saved-view.ts";

interface SavedMessage {
  readonly message: Message;
  readonly chars: number;
  readonly bytes: number;
}

/** Where the records of a keyframe lie. */
export interface Records {
  readonly key: SessionKey;
  readonly logId: string;
  readonly generation: number;
  /** As `chainOf` gives them. */
  readonly chain: readonly Keyframe[];
}

const LF = 10;
const [LIST, OBJECT] = [0x5b, 0x7b];
const STATE = new TextEncoder().encode('{"state":');

/** What is read of records, line by line. */
class ReadView {
  #base: SavedMessage[] = [];
  #made: SavedMessage[] = [];
  /** How many of `#base` are dealt with. */
  #at = 0;
  #ids: number[] | null = null;
  readonly #seen: number[] = [];
  #profile: SavedProfile | null = null;
  #state: SavedState | null = null;
  #stateLine: Uint8Array = new Uint8Array(0);

  take(line: Uint8Array): void {
    // oxlint-disable typescript/no-unsafe-type-assertion -- its checksum is looked at before it counts
    const value = parseExact(line);
    if (line[0] === LIST) {
      const [chars, message] = value as [number, Message];
      this.#made.push({ chars, message, bytes: line.length });
    } else if (line[0] !== OBJECT) this.#keep(value as number);
    else if (STATE.every((byte, index) => line[index] === byte)) {
      this.#state = (value as { state: SavedState | null }).state;
      this.#stateLine = line.slice();
    } else this.#takeRest(value as SavedRest);
    // oxlint-enable typescript/no-unsafe-type-assertion
  }

  #keep(count: number): void {
    const isAll = count === this.#base.length && this.#made.length === 0;
    if (isAll) this.#made = this.#base;
    else for (let index = 0; index < count; index++) this.#made.push(this.#base[this.#at + index]!);
    this.#at += Math.abs(count);
  }

  #takeRest({ profile, ids }: SavedRest): void {
    for (const hash of profile.seen) this.#seen.push(hash);
    this.#profile = profile;
    if (ids === null) this.#ids = null;
    else {
      this.#ids ??= [];
      for (const hash of ids) this.#ids.push(hash);
    }
    this.#base = this.#made;
    this.#made = [];
    this.#at = 0;
  }

  /** Puts all of it into a new pass. */
  async putInto(pass: Pass, turns: TimeSlicer): Promise<SavedView> {
    const { messages, profile, state } = pass;
    await inTurns(
      eachInSteps(this.#base, (saved) => messages.restore(saved)),
      turns,
    );
    if (this.#ids) messages.restoreReleased(this.#ids);
    messages.settle();
    state?.restore(this.#state);
    if (this.#profile) restoreProfile(profile, { ...this.#profile, seen: this.#seen });
    return SavedView.of(pass, this.#stateLine, (_, index) => this.#base[index]?.bytes ?? 0);
  }
}

/**
 * Makes a new pass as the one was of which a keyframe was made. Null, and then the pass may not be used, where a record is
 * damaged. Throws what the store throws.
 */
export async function restoreView(
  store: Pick<LogReader, "read">,
  pass: Pass,
  { key, logId, generation, chain }: Records,
  turns: TimeSlicer,
): Promise<SavedView | null> {
  const [first, last] = [chain[0], chain.at(-1)];
  if (!first || !last) return null;
  const view = new ReadView();
  const frames = [...chain];
  let sum = NO_BYTES;
  let isDamaged = false;
  /** A line that begins at `start`; between records lie their indexes, and what was not completed. */
  const take = (line: Uint8Array, start: number): void => {
    const [frame] = frames;
    if (!frame || start < frame.start) return;
    sum = checksum(sum, line);
    view.take(line);
    if (start + line.length < frame.end) return;
    if (sum !== frame.sum || start + line.length > frame.end) isDamaged = true;
    frames.shift();
    sum = NO_BYTES;
  };
  const range = { logId, log: "keyframes", start: first.start, end: last.end } as const;
  let offset = first.start;
  let carried: Uint8Array[] = [];
  let carriedBytes = 0;
  for await (const chunk of store.read(key, { ...range, signal: pass.signal })) {
    try {
      await turns.run(async () => {
        let from = 0;
        for (let lf = chunk.indexOf(LF); lf !== -1; lf = chunk.indexOf(LF, from)) {
          const part = chunk.subarray(from, lf + 1);
          take(carriedBytes > 0 ? concatBytes([...carried, part]) : part, offset - carriedBytes);
          offset += part.length;
          from = lf + 1;
          [carried, carriedBytes] = [[], 0];
        }
        const rest = chunk.slice(from);
        if (rest.length > 0) carried.push(rest);
        offset += rest.length;
        carriedBytes += rest.length;
      });
    } catch {
      // what is no JSON, or not what a record has
      return null;
    }
    if (isDamaged) return null;
  }
  if (frames.length > 0) return null;
  pass.frames.goOnIn({ log: "compact", logId, generation });
  return view.putInto(pass, turns);
}
