import type { Random } from "../../scripts/bench/random.ts";

const LF = 0x0a;

/** How many frames a connection lets through before it is cut. */
export interface CutAfterFrames {
  readonly least: number;
  readonly most: number;
}

/** For a proxy: each connection is cut in or behind a frame, after so many of them. */
export function cutterOf(
  random: Random,
  { least, most }: CutAfterFrames,
): () => (chunk: Buffer) => number | null {
  return () => {
    let frames = least + random.integer(most - least + 1);
    let before = 0;
    return (chunk) => {
      for (const [place, byte] of chunk.entries()) {
        if (byte === LF && before === LF) frames--;
        before = byte;
        if (frames < 0) return place - random.integer(Math.min(20, place + 1));
      }
      return null;
    };
  };
}
