import type { Steps } from "../sync/steps.ts";
import { textParts } from "./text-parts.ts";

/** Characters that are encoded in one step. */
const STEP_CHARS = 512 * 1024;

const encoder = new TextEncoder();

/** Adds a text to the pieces, encoded. */
export function* encodeInSteps(text: string, pieces: Uint8Array<ArrayBuffer>[]): Steps {
  for (const part of textParts(text, STEP_CHARS)) {
    pieces.push(encoder.encode(part));
    yield;
  }
}
