import { BlockCompactor } from "../../src/core/compaction/block-compactor.ts";
import { SeenIds } from "../../src/core/compaction/seen-ids.ts";
import { concatBytes } from "../../src/stream/bytes/concat.ts";
import { cut } from "../unit/stream/chunks.ts";

/**
 * What compacting makes of these lines, given in chunks of these sizes, after lines that have named the ids in
 * `seen`, to which theirs are added.
 */
export function compactLines(
  lines: readonly string[],
  sizes: readonly number[] = [1 << 16],
  seen: SeenIds = new SeenIds(),
): string[] {
  const pieces: Uint8Array<ArrayBuffer>[] = [];
  const blockCompactor = new BlockCompactor((bytes) => pieces.push(bytes.slice()), seen);
  const bytes = new TextEncoder().encode(lines.map((line) => `${line}\n`).join(""));
  for (const chunk of cut(bytes, sizes)) blockCompactor.push(chunk as Uint8Array<ArrayBuffer>);
  blockCompactor.finish();
  const text = new TextDecoder().decode(concatBytes(pieces));
  return text.split("\n").slice(0, -1);
}
