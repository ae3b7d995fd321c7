import { RunlogError } from "./errors.ts";
import { isSessionName } from "./session-name.ts";

/**
 * The document of a session whose name cannot be read from what a store calls it: `document`, which
 * has to say the name, or a new one that says nothing else. Throws `invalid-input` for a document
 * that says another name, or none.
 */
export function documentNaming(name: string, document: Uint8Array | null): Uint8Array {
  if (document === null)
    return new TextEncoder().encode(JSON.stringify({ metadata: { name }, spec: {} }));
  if (nameInDocument(document) === name) return document;
  throw new RunlogError(
    "invalid-input",
    "The document of a session of so long a name has to say it as metadata.name",
  );
}

/** The session's name that a document says, or null if it says none. */
export function nameInDocument(document: Uint8Array | null): string | null {
  try {
    const value: unknown = document && JSON.parse(new TextDecoder().decode(document));
    const name = memberOf(memberOf(value, "metadata"), "name");
    return typeof name === "string" && isSessionName(name) ? name : null;
  } catch {
    return null;
  }
}

function memberOf(value: unknown, name: string): unknown {
  if (typeof value !== "object" || value === null) return undefined;
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- any object has members
  return (value as Readonly<Record<string, unknown>>)[name];
}
