import { createLogNotes, type LogNotes } from "../../src/ports/log-notes.ts";
import type { AppendNote, LogNote } from "../../src/ports/log-store.ts";
import { MAX_OBJECT_NOTES } from "../../src/ports/object-bucket.ts";
import { decodeBase64, encodeBase64 } from "../../src/stream/bytes/base64.ts";
import type { SessionValue } from "./values.ts";

/** A note of an append that is being put: its end is known by then. */
type NewNote = AppendNote & { readonly end: number };

/** Keys of notes that one object brings at most, so that its own notes always fit. */
export const MAX_KEYS_A_PUT = 2;

const SEPARATOR = ",";

/**
 * The notes of a session that this process has. They are stored in two parts. A value of the session,
 * `notes`, has those there were when it was put, and where the log ended then: its version is the base. Each object of
 * the raw log that is put while there are notes has, in its own metadata, the base and the notes since. So the value and
 * the last object tell all, and both are there atomically with the bytes. When too many notes have come
 * since, or one is dropped, the value is put anew. Whoever takes the session from a dead process puts it anew as well; of
 * an object of an earlier base that lands after that, what is beyond that end is news.
 */
export class SessionNotes {
  readonly #value: SessionValue;
  readonly #logEnd: () => number;
  readonly #notes: LogNotes;
  readonly #since = new Map<string, LogNote>();
  /** Version of the value that was put by this process, or null if there is none yet. */
  #base: string | null = null;

  /** `logEnd`: where the raw log ends, with the appends whose notes were accepted. */
  constructor(value: SessionValue, found: readonly LogNote[], logEnd: () => number) {
    this.#value = value;
    this.#logEnd = logEnd;
    this.#notes = createLogNotes(found);
  }

  get notes(): LogNotes {
    return this.#notes;
  }

  /** Whether any object of the log may have notes. */
  get isUsed(): boolean {
    return this.#notes.size > 0 || this.#value.content !== null;
  }

  /** Puts the value as this process's own, so that nothing that a former holder puts yet is newer. */
  async renew(): Promise<void> {
    if (this.isUsed) await this.#putBase();
  }

  /** The metadata of an object that brings `added`; "" if there are no notes. */
  async metadataWith(added: readonly NewNote[]): Promise<string> {
    if (this.#notes.size === 0 && added.length === 0) return "";
    if (this.#base === null) await this.#putBase();
    const text = this.#encode(added);
    if (text.length <= MAX_OBJECT_NOTES) return text;
    await this.#putBase();
    return this.#encode(added);
  }

  /** The object that brings `added` was put. */
  accept(added: readonly NewNote[]): void {
    for (const { key, text, end } of added) {
      this.#notes.set({ key, text, end });
      this.#since.set(key, { key, text, end });
    }
  }

  async drop(key: string): Promise<void> {
    const dropped = this.#notes.get(key);
    if (!dropped) return;
    this.#notes.drop(key);
    try {
      await this.#putBase();
    } catch (error) {
      this.#notes.set(dropped);
      throw error;
    }
  }

  async #putBase(): Promise<void> {
    await this.#value.set(encodeNotes(this.#notes.all(), this.#logEnd()));
    this.#base = this.#value.version;
    this.#since.clear();
  }

  #encode(added: readonly NewNote[]): string {
    const notes = new Map(this.#since);
    for (const note of added) notes.set(note.key, note);
    return [this.#base, ...[...notes.values()].map(encodeNote)].join(SEPARATOR);
  }
}

/** The notes by the value and the last object of the log; null if the object knows a later value. */
export function mergedNotes(
  value: { readonly content: Uint8Array; readonly version: string },
  ofObject: string,
): LogNote[] | null {
  const byKey = new Map(decodeNotes(value.content).map((note) => [note.key, note]));
  const [base, ...since] = ofObject.split(SEPARATOR);
  if (base && isLater(base, value.version)) return null;
  // the value has what an object of an earlier base brought, unless that was late
  const knownEnd = base === value.version ? -1 : endOfLog(value.content);
  for (const note of since.flatMap((text) => decodeNote(text) ?? []))
    if (note.end > knownEnd) byKey.set(note.key, note);
  return [...byKey.values()];
}

function isLater(version: string, other: string): boolean {
  const [epoch = 0, number = 0] = version.split(".").map(Number);
  const [otherEpoch = 0, otherNumber = 0] = other.split(".").map(Number);
  return epoch > otherEpoch || (epoch === otherEpoch && number > otherNumber);
}

/** The log's end, which earlier versions did not write, then the notes. */
function encodeNotes(notes: readonly LogNote[], logEnd: number): Uint8Array {
  return new TextEncoder().encode([String(logEnd), ...notes.map(encodeNote)].join(SEPARATOR));
}

/** Where the log ended when this value was put; beyond all if it does not say so. */
function endOfLog(content: Uint8Array): number {
  const [first = ""] = new TextDecoder().decode(content).split(SEPARATOR, 1);
  return /^\d+$/.test(first) ? Number(first) : Infinity;
}

function decodeNotes(content: Uint8Array): LogNote[] {
  const texts = new TextDecoder().decode(content).split(SEPARATOR);
  return texts.flatMap((text) => decodeNote(text) ?? []);
}

/** Its end, key and text, of characters that any metadata may have. */
function encodeNote({ key, text, end }: NewNote): string {
  return `${end}.${toBase64Url(key)}.${toBase64Url(text)}`;
}

function decodeNote(encoded: string): LogNote | null {
  const [end, key, text] = encoded.split(".");
  if (end === undefined || key === undefined || text === undefined) return null;
  return { end: Number(end), key: fromBase64Url(key), text: fromBase64Url(text) };
}

function toBase64Url(text: string): string {
  const encoded = encodeBase64(new TextEncoder().encode(text));
  return encoded.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

function fromBase64Url(text: string): string {
  return new TextDecoder().decode(decodeBase64(text.replaceAll("-", "+").replaceAll("_", "/")));
}
