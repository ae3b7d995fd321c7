import { RunlogError } from "../../src/ports/errors.ts";
import { MAX_DOCUMENT_BYTES, MAX_HEAD_BYTES } from "../../src/ports/log-store.ts";

/** Throws `head-too-large`. */
export function checkHead(head: Uint8Array | null): void {
  if (head && head.length > MAX_HEAD_BYTES)
    throw new RunlogError("head-too-large", "A head holds at most 64 KiB");
}

/** Throws `document-too-large`. */
export function checkDocument(document: Uint8Array | null): void {
  if (document && document.length > MAX_DOCUMENT_BYTES)
    throw new RunlogError("document-too-large", "A document holds at most 256 KiB");
}
