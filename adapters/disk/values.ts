import { join } from "node:path";
import { MAX_DOCUMENT_BYTES, MAX_HEAD_BYTES } from "../../src/ports/log-store.ts";
import { DOCUMENT_FILE, HEAD_FILE } from "./layout.ts";
import { readSmallFile } from "./small-file.ts";

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
