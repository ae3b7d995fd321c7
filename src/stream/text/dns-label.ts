import { Sha256 } from "../bytes/sha256.ts";

const LABEL = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;
const MAX_LABEL = 63;
/** `x`, the text with escapes, `--` and the start of its digest. */
const ENCODED = /^x((?:[a-z0-9]|-[a-z0-5])+)--[0-9a-f]{8}$/;
const CHECK_DIGITS = 8;
/** `x--` and the start of a digest: the text cannot be read from it. */
const HASHED = /^x--[0-9a-f]{52}$/;
const HASH_DIGITS = 52;
/** Each is `-` and its index; a capital letter is `-` and the small one. */
const ESCAPED = "-_.:~@";

/**
 * A DNS label for a text of `[A-Za-z0-9._:~@-]`. One that is a label stands for itself, unless it
 * looks like what is made here; the others are `x<escaped text>--<check>`, or where that is longer
 * than 63 characters `x--<hash>`. No two texts have one label, and labels have no capital letters.
 * Throws a TypeError for any other character.
 */
export function labelOf(text: string): string {
  return isOwnLabel(text) ? text : madeLabel(text);
}

/** The text whose label it is, or null for a hash, from which it cannot be read. */
export function textOfLabel(label: string): string | null {
  if (HASHED.test(label)) return null;
  const escaped = ENCODED.exec(label)?.[1];
  if (escaped === undefined) return label;
  const text = escaped.replaceAll(/-(.)/g, (_, code: string) =>
    /[0-5]/.test(code) ? ESCAPED.charAt(Number(code)) : code.toUpperCase(),
  );
  // whatever else looks so stands for itself
  return !isOwnLabel(text) && madeLabel(text) === label ? text : label;
}

/** Whether the text can be read from its label. */
export function isReadableLabel(text: string): boolean {
  return !HASHED.test(labelOf(text));
}

/** A name, and whether it can be read from its label. */
export function labelled(name: string): { readonly name: string; readonly isReadable: boolean } {
  return { name, isReadable: isReadableLabel(name) };
}

/** Whether the text stands for itself. */
export function isOwnLabel(text: string): boolean {
  return LABEL.test(text) && textOfLabel(text) === text;
}

function madeLabel(text: string): string {
  const hash = new Sha256();
  hash.update(new TextEncoder().encode(text));
  const digest = hash.hex();
  const escaped = text.replaceAll(/[^a-z0-9]/g, escape);
  const label = `x${escaped}--${digest.slice(0, CHECK_DIGITS)}`;
  return label.length <= MAX_LABEL ? label : `x--${digest.slice(0, HASH_DIGITS)}`;
}

function escape(character: string): string {
  const index = ESCAPED.indexOf(character);
  if (index >= 0) return `-${index}`;
  if (!/[A-Z]/.test(character)) throw new TypeError("The text has characters that no label has");
  return `-${character.toLowerCase()}`;
}
