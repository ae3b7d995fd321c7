import { createRequire } from "node:module";

interface PatchLibrary {
  applyPatch(
    document: unknown,
    patch: unknown,
    validate: boolean,
    mutate: boolean,
  ): { readonly newDocument: unknown };
}

const require = createRequire(import.meta.url);
const published: PatchLibrary = require("fast-json-patch");
/** What bundlers take: the same code in strict mode, where a scalar cannot get a member. */
const strict: PatchLibrary = await import(require.resolve("fast-json-patch/index.mjs"));

/**
 * The patched document by the library that every generation of the client applies patches with, and as
 * they call it. Throws when the patch does not apply; `document` is never changed.
 */
export function publishedPatch(document: unknown, patch: unknown): unknown {
  return applyBy(published, document, patch);
}

/** The same, or undefined for a patch that a client skips. */
export function publishedPatchOrNone(document: unknown, patch: unknown): unknown {
  return orNone(published, document, patch);
}

/**
 * Whether what a client makes of the patch depends on the library's build, or is no JSON: it gives members
 * to lists. Nobody can be said to be right there.
 */
export function isPatchBeyondJson(document: unknown, patch: unknown): boolean {
  const [one, other] = [published, strict].map((library) => orNone(library, document, patch));
  return (one === undefined) !== (other === undefined) || hasNamedElements(one);
}

function hasNamedElements(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  const members = Object.values(value);
  return (Array.isArray(value) && members.length > value.length) || members.some(hasNamedElements);
}

function applyBy(library: PatchLibrary, document: unknown, patch: unknown): unknown {
  return library.applyPatch(document, structuredClone(patch), true, false).newDocument;
}

function orNone(library: PatchLibrary, document: unknown, patch: unknown): unknown {
  try {
    return applyBy(library, document, patch);
  } catch {
    return undefined;
  }
}
