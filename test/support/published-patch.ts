import { createRequire } from "node:module";

const require = createRequire(import.meta.url);
const published = require("fast-json-patch") as {
  applyPatch(
    document: unknown,
    patch: unknown,
    validate: boolean,
    mutate: boolean,
  ): { readonly newDocument: unknown };
};

/**
 * The patched document by the library that every generation of the client applies patches with, and as
 * they call it. Throws when the patch does not apply; `document` is never changed.
 */
export function publishedPatch(document: unknown, patch: unknown): unknown {
  return published.applyPatch(document, structuredClone(patch), true, false).newDocument;
}

/** The same, or undefined for a patch that a client skips. */
export function publishedPatchOrNone(document: unknown, patch: unknown): unknown {
  try {
    return publishedPatch(document, patch);
  } catch {
    return undefined;
  }
}
