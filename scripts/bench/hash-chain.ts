import { crc32 } from "node:zlib";

/** Digits of a hash as text: lower-case hexadecimal. */
export const HASH_DIGITS = 8;

/** The hash that a chain begins with. */
export const FIRST_HASH = 0;

const SEAL = /,"hash":"([0-9a-f]{8})"\}$/;

/** The hash of a chain after `bytes`, of what it was before them: it depends on all that came so far. */
export function hashAfter(before: number, bytes: Uint8Array | string): number {
  return crc32(bytes, before);
}

/** A hash as text. */
function hashText(hash: number): string {
  return hash.toString(16).padStart(HASH_DIGITS, "0");
}

/** A record of a chain as JSON, and the hash that the next one follows on. */
export interface SealedRecord {
  readonly text: string;
  readonly hash: number;
}

/** Writes `record`, which has members, with the chain's hash after it as the last one: `"hash"`. */
export function seal(record: Readonly<Record<string, unknown>>, before: number): SealedRecord {
  const open = JSON.stringify(record).slice(0, -1);
  const hash = hashAfter(before, open);
  return { text: `${open},"hash":"${hashText(hash)}"}`, hash };
}

/** What the seal of a record says. */
export interface ReadSeal {
  /** The hash that it names: the next record follows on that. */
  readonly hash: number;
  /** Whether it is the hash of these bytes after those before. */
  readonly isGood: boolean;
}

/** Reads the seal of a record that `seal` made; null for text without one. */
export function readSeal(text: string, before: number): ReadSeal | null {
  const found = SEAL.exec(text);
  if (found === null) return null;
  const hash = Number.parseInt(found[1] ?? "", 16);
  return { hash, isGood: hashAfter(before, text.slice(0, found.index)) === hash };
}
