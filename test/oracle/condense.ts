import { Condenser } from "../../src/core/compaction/condenser.ts";
import { concatBytes } from "../../src/stream/bytes/concat.ts";
import { cut } from "../unit/stream/chunks.ts";

/** What condensing makes of these lines, given in chunks of these sizes. */
export function condense(lines: readonly string[], sizes: readonly number[] = [1 << 16]): string[] {
  const pieces: Uint8Array<ArrayBuffer>[] = [];
  const condenser = new Condenser((bytes) => pieces.push(bytes.slice()));
  const bytes = new TextEncoder().encode(lines.map((line) => `${line}\n`).join(""));
  for (const chunk of cut(bytes, sizes)) condenser.push(chunk as Uint8Array<ArrayBuffer>);
  condenser.finish();
  const text = new TextDecoder().decode(concatBytes(pieces));
  return text.split("\n").slice(0, -1);
}
