/** What differs at one place of two JSON values. */
export interface JsonChange {
  /** Names and indexes from the root. An index of a removed item is that of the old list. */
  readonly path: readonly (string | number)[];
  readonly kind: "added" | "removed" | "changed";
  /** Undefined for what was added, as `after` for what was removed. */
  readonly before: unknown;
  readonly after: unknown;
}

/** The differences of two values. */
export interface JsonDiff {
  readonly changes: readonly JsonChange[];
  /** Whether there are more than were asked for. */
  readonly isCut: boolean;
}

/**
 * What one has to do to get from one JSON value to the other, at most `maxChanges` places. Lists are compared item by item between
 * the items with which both begin, and those with which both end: what was put in or taken out at one place is one change an item.
 */
export function diffJson(before: unknown, after: unknown, maxChanges: number): JsonDiff {
  const changes: JsonChange[] = [];
  // a list of pairs instead of calls: values may be a thousand levels deep
  const pairs: Pair[] = [{ path: [], before, after }];
  while (pairs.length > 0) {
    const pair = pairs.pop();
    if (!pair || pair.before === pair.after) continue;
    if (changes.length === maxChanges) {
      if (isSame(pair.before, pair.after)) continue;
      return { changes, isCut: true };
    }
    const inner = innerPairs(pair);
    if (inner) pairs.push(...inner.toReversed());
    else changes.push({ ...pair, kind: kindOf(pair) });
  }
  return { changes, isCut: false };
}

interface Pair extends Pick<JsonChange, "path" | "before" | "after"> {}

function kindOf({ before, after }: Pair): JsonChange["kind"] {
  if (before === undefined) return "added";
  return after === undefined ? "removed" : "changed";
}

/** What is to be compared below two lists or two objects; null for anything else. */
function innerPairs({ path, before, after }: Pair): Pair[] | null {
  if (Array.isArray(before) && Array.isArray(after)) return listPairs(path, before, after);
  if (!isObject(before) || !isObject(after)) return null;
  const names = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...names].map((name) => ({
    path: [...path, name],
    before: own(before, name),
    after: own(after, name),
  }));
}

function listPairs(path: Pair["path"], before: unknown[], after: unknown[]): Pair[] {
  const shorter = Math.min(before.length, after.length);
  let start = 0;
  while (start < shorter && isSame(before[start], after[start])) start += 1;
  let end = 0;
  while (end < shorter - start && isSame(before.at(-1 - end), after.at(-1 - end))) end += 1;
  const [old, young] = [
    before.slice(start, before.length - end),
    after.slice(start, after.length - end),
  ];
  return Array.from({ length: Math.max(old.length, young.length) }, (_, index) => ({
    path: [...path, start + index],
    before: old[index],
    after: young[index],
  }));
}

/** Whether two JSON values are equal; the order of members does not count. */
function isSame(a: unknown, b: unknown): boolean {
  const pairs: [unknown, unknown][] = [[a, b]];
  for (let pair = pairs.pop(); pair; pair = pairs.pop()) {
    const [one, other] = pair;
    if (one === other) continue;
    if (Array.isArray(one) && Array.isArray(other)) {
      if (one.length !== other.length) return false;
      for (const [index, item] of one.entries()) pairs.push([item, other[index]]);
    } else if (isObject(one) && isObject(other)) {
      const names = Object.keys(one);
      if (names.length !== Object.keys(other).length) return false;
      for (const name of names) {
        if (!Object.hasOwn(other, name)) return false;
        pairs.push([one[name], other[name]]);
      }
    } else return false;
  }
  return true;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function own(object: Readonly<Record<string, unknown>>, name: string): unknown {
  return Object.hasOwn(object, name) ? object[name] : undefined;
}
