import { join } from "node:path";
import { RunlogError } from "../../src/ports/errors.ts";
import {
  type CreateOptions,
  MAX_DOCUMENT_BYTES,
  MAX_HEAD_BYTES,
  type SessionKey,
} from "../../src/ports/log-store.ts";
import { documentNaming } from "../../src/ports/naming-document.ts";
import { isReadableLabel } from "../../src/stream/text/dns-label.ts";
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

/** The document as it is kept: it says the session's name where the label of that does not. */
export function namedDocument(session: string, document: Uint8Array | null): Uint8Array | null {
  return isReadableLabel(session) ? document : documentNaming(session, document);
}

/** What a log is made with, checked and copied. */
export function firstValues(
  { session }: SessionKey,
  { head = null, document = null }: Pick<CreateOptions, "head" | "document">,
): { readonly head: Uint8Array | null; readonly document: Uint8Array | null } {
  checkHead(head);
  checkDocument(document);
  const named = namedDocument(session, document);
  return { head: head && head.slice(), document: named && named.slice() };
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
