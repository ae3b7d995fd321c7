import type { ObjectFacts, PutOptions } from "../../src/ports/object-bucket.ts";

type Metadata = Record<string, string>;

/** What an object is put with, as S3 keeps it. */
export function metadataOf({ tag = "", notes }: Pick<PutOptions, "tag" | "notes">): Metadata {
  return { tag, ...(notes && { notes }) };
}

/** What `metadataOf` made, as it comes back. */
export function factsIn(metadata: Metadata | undefined): Omit<ObjectFacts, "size"> {
  const { tag = "", notes } = metadata ?? {};
  return { tag, ...(notes && { notes }) };
}
