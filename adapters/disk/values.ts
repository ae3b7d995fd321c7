import { join } from "node:path";
import { RunlogError } from "../../src/ports/errors.ts";
import { MAX_DOCUMENT_BYTES, MAX_HEAD_BYTES } from "../../src/ports/log-store.ts";
import { DOCUMENT_FILE, HEAD_FILE } from "./layout.ts";
import { readSmallFile } from "./small-file.ts";

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

/** The values of a log; a head that is larger than one can be is none that anybody could read. */
export async function readValues(
  dir: string,
): Promise<{ readonly head: Uint8Array | null; readonly document: Uint8Array | null }> {
  const head = await readSmallFile(join(dir, HEAD_FILE), MAX_HEAD_BYTES);
  return {
    head: head && head.length > MAX_HEAD_BYTES ? new Uint8Array(0) : head,
    document: await readDocument(dir),
  };
}

/** The document alone. */
export async function readDocument(dir: string): Promise<Uint8Array | null> {
  const document = await readSmallFile(join(dir, DOCUMENT_FILE), MAX_DOCUMENT_BYTES);
  return document && document.length > MAX_DOCUMENT_BYTES ? new Uint8Array(0) : document;
}
