import { nameInDocument } from "../../src/ports/naming-document.ts";
import { BoundedMap } from "../../src/stream/sync/bounded-map.ts";
import { labelOf, textOfLabel } from "../../src/stream/text/dns-label.ts";
import type { IncarnationLabel } from "./keys.ts";
import type { BucketAccess } from "./log-end.ts";
import { readValuesIn } from "./values.ts";

/** The names that sessions have, by their labels. */
export interface SessionNames {
  /** The session's name; its label where its document should say it and has gone or is damaged. */
  of(incarnation: IncarnationLabel): Promise<string>;
}

/** Names that were read from documents and are remembered: a label never means another one. */
const MAX_KNOWN = 10_000;

export function createSessionNames(access: BucketAccess): SessionNames {
  const known = new BoundedMap<string, string>(MAX_KNOWN);

  async function read(incarnation: IncarnationLabel): Promise<string> {
    const { label } = incarnation;
    const { document } = await readValuesIn(access, access.keys.valuesFolderOf(incarnation));
    const name = nameInDocument(document);
    if (name === null || labelOf(name) !== label) return label;
    known.set(label, name);
    return name;
  }

  return {
    async of(incarnation) {
      const { label } = incarnation;
      return textOfLabel(label) ?? known.get(label) ?? read(incarnation);
    },
  };
}
