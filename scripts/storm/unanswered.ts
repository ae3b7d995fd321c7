/** How a visit ended that got no answer, not even a refusal: by what its connection said. */
export function unansweredBecause(reason: string): string {
  return `${PREFIX}${reason}`;
}

/** Visits that may stay without an answer, of all. */
export const MOST_UNANSWERED = 0.01;

const PREFIX = "unanswered: ";

/** What is wrong with these counts of how visits ended: null unless too many got no answer. */
export function unansweredViolation(
  wave: string,
  counts: Readonly<Record<string, number>>,
): string | null {
  const all = Object.entries(counts);
  const sum = (list: typeof all): number => list.reduce((total, [, count]) => total + count, 0);
  const unanswered = sum(all.filter(([outcome]) => outcome.startsWith(PREFIX)));
  if (unanswered <= sum(all) * MOST_UNANSWERED) return null;
  return `${unanswered.toLocaleString("en")} of ${sum(all).toLocaleString("en")} of the ${wave} got no answer`;
}
