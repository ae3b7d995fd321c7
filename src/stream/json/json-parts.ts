import type { JsonObjectScanner } from "./json-scan.ts";
import type { Steps } from "../sync/steps.ts";

/** Bytes that are checked before other tasks have their turn. */
const SCAN_BYTES = 1024 * 1024;

/**
 * Whether the bytes are one valid JSON object for the scanner. Yields where other tasks may have a
 * turn.
 */
export function* scanInParts(scanner: JsonObjectScanner, bytes: Uint8Array): Steps<boolean> {
  for (let at = 0; at < bytes.length; at += SCAN_BYTES) {
    if (at > 0) yield;
    if (!scanner.push(bytes, at, Math.min(at + SCAN_BYTES, bytes.length))) return false;
  }
  return scanner.end();
}
