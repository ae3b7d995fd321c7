import { JsonObjectScanner } from "../../stream/json/json-scan.ts";

/** Why a run failed, as far as its RUN_ERROR says so in at most 256 bytes each. */
export interface ErrorDetails {
  readonly code: string | null;
  readonly message: string | null;
}

const KEYS: readonly string[] = ["code", "message"];

/** Reads the line of a RUN_ERROR, which comes in pieces. */
export class ErrorDetailsReader {
  readonly #scanner = new JsonObjectScanner(KEYS);

  push(piece: Uint8Array): void {
    this.#scanner.push(piece, 0, piece.length);
  }

  get details(): ErrorDetails {
    return { code: this.#scanner.value("code"), message: this.#scanner.value("message") };
  }
}

/** The details in a line that begins at `start` of lines in memory. */
export function detailsIn(
  lines: readonly Uint8Array[],
  { start, end }: { readonly start: number; readonly end: number },
): ErrorDetails {
  const reader = new ErrorDetailsReader();
  let at = 0;
  for (const piece of lines) {
    const part = piece.subarray(Math.max(start - at, 0), Math.max(end - at, 0));
    if (part.length > 0) reader.push(part);
    at += piece.length;
  }
  return reader.details;
}
