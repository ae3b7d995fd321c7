/** The candidate that `text` was probably meant to be, or null: few letters are missing, too many, others or swapped. */
export function closest(text: string, candidates: Iterable<string>): string | null {
  let best: string | null = null;
  let least = mostEdits(text) + 1;
  for (const candidate of candidates) {
    const edits = editsBetween(text.toLowerCase(), candidate.toLowerCase(), least);
    if (edits >= least) continue;
    best = candidate;
    least = edits;
  }
  return best;
}

/** ` Did you mean "tail"?`, or nothing. */
export function didYouMean(text: string, candidates: Iterable<string>): string {
  const meant = closest(text, candidates);
  return meant === null ? "" : ` Did you mean "${meant}"?`;
}

/** Of three letters one may be wrong; of more than eight, three. */
function mostEdits(text: string): number {
  return Math.min(3, Math.ceil(text.length / 3));
}

/** How many letters have to be inserted, deleted, replaced or swapped with their neighbour; `limit` for so many or more. */
export function editsBetween(
  a: string,
  b: string,
  limit: number = Number.POSITIVE_INFINITY,
): number {
  if (Math.abs(a.length - b.length) >= limit) return limit;
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, at) => at);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1;
      let edits = Math.min((last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (last[j - 1] ?? 0) + cost);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        edits = Math.min(edits, (beforeLast[j - 2] ?? 0) + 1);
      row.push(edits);
    }
    [beforeLast, last] = [last, row];
  }
  return Math.min(last[b.length] ?? 0, limit);
}
