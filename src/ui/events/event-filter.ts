import type { AgUiEvent } from "../../client/index.ts";

/** Which events are looked for. */
export interface EventFilter {
  /** Those of one of these types; of any if there are none. */
  readonly types: readonly string[];
  /** Those with this text in a member's name or value, in upper or lower case; an empty one is in each. */
  readonly text: string;
}

export const NO_FILTER: EventFilter = { types: [], text: "" };

/** Whether the filter leaves anything out. */
export function isFiltering({ types, text }: EventFilter): boolean {
  return types.length > 0 || text !== "";
}

/** What tells whether an event is one of those that are looked for. */
export function matcherOf({ types, text }: EventFilter): (event: AgUiEvent) => boolean {
  const wanted = new Set(types);
  const needle = text.toLowerCase();
  return (event) =>
    (wanted.size === 0 || wanted.has(event.type)) && (needle === "" || contains(event, needle));
}

function contains(root: unknown, needle: string): boolean {
  // a list instead of calls: events may be a thousand levels deep
  const rest: unknown[] = [root];
  while (rest.length > 0) {
    const value = rest.pop();
    if (Array.isArray(value)) for (const item of value) rest.push(item);
    else if (typeof value === "object" && value !== null)
      for (const [name, member] of Object.entries(value)) {
        if (name.toLowerCase().includes(needle)) return true;
        rest.push(member);
      }
    else if (String(value).toLowerCase().includes(needle)) return true;
  }
  return false;
}
