const OFFSET_BASIS = 0x811c9dc5;
const PRIME = 0x01000193;

/** The checksum of no bytes. */
export const NO_BYTES: number = OFFSET_BASIS;

/**
 * The checksum (FNV-1a, 32 bits) of the bytes that `sum` stands for followed by `bytes`. It finds
 * accidents, not malice; any change of a single byte changes it.
 */
export function checksum(sum: number, bytes: Uint8Array): number {
  let hash = sum;
  for (let at = 0; at < bytes.length; at++) hash = Math.imul(hash ^ bytes[at]!, PRIME);
  return hash >>> 0;
}
