import { RunlogError } from "./errors.ts";
import { type AppendNote, type LogNote, MAX_NOTE_BYTES, MAX_NOTES } from "./log-store.ts";

const encoder = new TextEncoder();

/** The notes of one log, for implementations of `LogStore`. */
export interface LogNotes {
  readonly size: number;
  all(): LogNote[];
  get(key: string): LogNote | null;
  set(note: LogNote): void;
  /** Whether there was one. */
  drop(key: string): boolean;
}

/** The notes that a log begins with, which are none by default. */
export function createLogNotes(notes: Iterable<LogNote> = []): LogNotes {
  const byKey = new Map<string, LogNote>();
  for (const note of notes) byKey.set(note.key, note);
  return {
    get size() {
      return byKey.size;
    },

    all: () => [...byKey.values()],

    get: (key) => byKey.get(key) ?? null,

    set(note) {
      byKey.set(note.key, note);
    },

    drop: (key) => byKey.delete(key),
  };
}

/**
 * Why an append of so many bytes may not bring the note to a log that has `notes`, as `invalid-input`; null if
 * it may. Null for `notes`: it is not the raw log.
 */
export function refusalOf(
  { key, text }: AppendNote,
  bytes: number,
  notes: LogNotes | null,
): RunlogError | null {
  if (notes === null) return invalid("Only an append to the raw log brings a note");
  if (bytes === 0) return invalid("An append of nothing brings no note");
  const keyBytes = encoder.encode(key).length;
  if (keyBytes === 0 || keyBytes > MAX_NOTE_BYTES)
    return invalid(`The key of a note has 1 to ${MAX_NOTE_BYTES} bytes`);
  if (encoder.encode(text).length > MAX_NOTE_BYTES)
    return invalid(`The text of a note has at most ${MAX_NOTE_BYTES} bytes`);
  if (notes.get(key) === null && notes.size >= MAX_NOTES)
    return invalid(`A log has notes of at most ${MAX_NOTES} keys: drop one first`);
  return null;
}

function invalid(message: string): RunlogError {
  return new RunlogError("invalid-input", message);
}
