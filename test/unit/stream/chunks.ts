import * as fc from "fast-check";

/** Sizes of chunks, to be used over and over. Tiny ones are likely. */
export const chunkSizes: fc.Arbitrary<number[]> = fc.array(
  fc.oneof(fc.constant(1), fc.integer({ min: 1, max: 40 })),
  { minLength: 1, maxLength: 8 },
);

/** `bytes` cut into chunks of these sizes, each a copy of its own. */
export function cut(bytes: Uint8Array, sizes: readonly number[]): Uint8Array[] {
  const chunks: Uint8Array[] = [];
  let at = 0;
  for (let index = 0; at < bytes.length; index++) {
    const size = sizes[index % sizes.length] ?? 1;
    chunks.push(bytes.slice(at, at + size));
    at += size;
  }
  return chunks;
}
