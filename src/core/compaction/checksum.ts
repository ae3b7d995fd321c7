const PRIME = 0x01000193;
const PRIME_2 = Math.imul(PRIME, PRIME);
const PRIME_3 = Math.imul(PRIME_2, PRIME);
const PRIME_4 = Math.imul(PRIME_3, PRIME);

/** The checksum of no bytes. */
export const NO_BYTES = 0x811c9dc5;

/**
 * The checksum of the bytes that `sum` stands for followed by `bytes`: a polynomial over them, modulo
 * 2^32. It finds accidents, not malice; a change of any single byte changes it.
 */
export function checksum(sum: number, bytes: Uint8Array): number {
  let hash = sum;
  let at = 0;
  // each byte does hash = hash * PRIME + byte; four at once do not wait for each other
  for (const end = bytes.length - 3; at < end; at += 4)
    hash =
      (Math.imul(hash, PRIME_4) +
        Math.imul(bytes[at]!, PRIME_3) +
        Math.imul(bytes[at + 1]!, PRIME_2) +
        Math.imul(bytes[at + 2]!, PRIME) +
        bytes[at + 3]!) |
      0;
  for (; at < bytes.length; at++) hash = (Math.imul(hash, PRIME) + bytes[at]!) | 0;
  return hash >>> 0;
}
