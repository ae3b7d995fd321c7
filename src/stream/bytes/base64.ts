/** Bytes at once: a call takes no more arguments than a stack has room for. */
const STEP = 0x2000;

/** The bytes as base64 (RFC 4648, 4). */
export function encodeBase64(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; at += STEP)
    text += String.fromCharCode(...bytes.subarray(at, at + STEP));
  return btoa(text);
}

/** Decodes base64. Throws a DOMException for invalid text. */
export function decodeBase64(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}
