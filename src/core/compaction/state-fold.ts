import { JsonObjectScanner } from "../../stream/json-scan.ts";
import type { EventLine } from "./event-line.ts";
import { applyCertainPatch, type Container, isContainer } from "./certain-patch.ts";

/** Largest state that is held, as JSON text; what is folded into it may come to as much again. */
const MAX_STATE_BYTES = 256 * 1024;

const STRINGS = /"(?:[^"\\]|\\.)*"/g;
/** Numbers that would not come out of a double as they went in: very long or very large ones, -0. */
const RISKY_NUMBER = /\d{16}|\d[eE][+-]?\d{3}|-0(?:\.0*)?(?![\d.])/;

const LF = Uint8Array.of(10);
const encoder = new TextEncoder();
const decoder = new TextDecoder();

interface Fold {
  readonly document: Container;
  /** The snapshot's line, and the place of its value in it. */
  readonly line: Uint8Array<ArrayBuffer>;
  readonly from: number;
  readonly to: number;
  /** What its events share. */
  readonly shell: string;
  /** Whether a patch has changed the document since the snapshot. */
  isPatched: boolean;
  /** Length of the snapshot and of the patches since. */
  bytes: number;
}

/**
 * The state of a run from its first snapshot on: it takes snapshots and patches in and gives one
 * snapshot back. What it does not take has to be passed on, and what it holds before that.
 *
 * A snapshot that no patch has touched comes back as the bytes that it was. Not taken are patches
 * before a snapshot, those that fail or are not plain (`applyCertainPatch`), and whatever a client could
 * tell from its fold: numbers that a double does not hold, members that differ from those of the
 * snapshot, a state without members (a client may ignore `null` and keep the state before it). Nor
 * are states above the limit.
 */
export class StateFold {
  readonly #scanner = new JsonObjectScanner([]);
  #fold: Fold | null = null;

  /** Takes a snapshot or a patch; false if it, and what is held, have to go on as events. */
  take(line: EventLine, kind: "snapshot" | "patch"): boolean {
    const { bytes, body, start, end } = line;
    if (!body || line.metadata) return false;
    const length = body.end - body.start;
    const fold = this.#fold;
    if (length > MAX_STATE_BYTES || !this.#isValid(line)) return false;
    if (kind === "patch" && (!fold || fold.bytes + length > 2 * MAX_STATE_BYTES)) return false;
    const shell = shellOf(line);
    if (fold && fold.shell !== shell) return false;
    const text = decoder.decode(bytes.subarray(body.start, body.end));
    if (RISKY_NUMBER.test(text.replace(STRINGS, ""))) return false;
    const value: unknown = JSON.parse(text);
    if (kind === "patch") {
      if (!fold || !applyCertainPatch(fold.document, value)) return false;
      fold.isPatched = true;
      fold.bytes += length;
      return true;
    }
    if (!isContainer(value)) return false;
    this.#fold = {
      document: value,
      line: bytes.slice(start, end),
      from: body.start - start,
      to: body.end - start,
      shell,
      isPatched: false,
      bytes: length,
    };
    return true;
  }

  /** The one snapshot that stands for all that was taken, its LF included; nothing if none was. */
  flush(): Uint8Array<ArrayBuffer>[] {
    const fold = this.#fold;
    this.#fold = null;
    if (!fold) return [];
    const { line, from, to } = fold;
    if (!fold.isPatched) return [line, LF];
    const state = encoder.encode(JSON.stringify(fold.document));
    return [line.subarray(0, from), state, line.subarray(to), LF];
  }

  #isValid({ bytes, start, end }: EventLine): boolean {
    this.#scanner.reset();
    return this.#scanner.push(bytes, start, end) && this.#scanner.end();
  }
}

function shellOf(line: EventLine): string {
  const parts: string[] = [];
  line.shell((start, end) => {
    parts.push(decoder.decode(line.bytes.subarray(start, end)));
    return true;
  });
  return parts.join();
}
