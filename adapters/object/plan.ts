import { RunlogError } from "../../src/ports/errors.ts";
import type { Segment } from "./keys.ts";
import { type BucketAccess, segmentPages } from "./log-end.ts";

/** Segments that a reader looks ahead at most: a plan is small whatever the log. */
const MAX_PLANNED = 1000;

/**
 * The segments to read one after the other for the bytes from `start` on, up to `end` or as far as a
 * plan reaches. Of those that cover a place the one that reaches farthest is taken. Rejects with
 * `log-not-found` if there is a gap: then the log is being deleted.
 */
export async function planRead(
  access: Pick<BucketAccess, "bucket" | "retry">,
  folder: string,
  start: number,
  end: number,
): Promise<Segment[]> {
  let known: Segment[] = [];
  for await (const page of segmentPages(access, folder, end)) {
    // the lowest starts come last; of a very long list the part near `start` is enough
    known = [...known, ...page].slice(-2 * MAX_PLANNED);
    const chain = chainOf(known, start, end);
    if (chain !== null && (known.at(-1)?.start ?? 0) <= start) return chain;
  }
  const chain = chainOf(known, start, end);
  if (chain === null) throw new RunlogError("log-not-found", "There is no such log");
  return chain;
}

/** Null if nothing covers `start`. `segments` are in the order of falling starts. */
function chainOf(segments: readonly Segment[], start: number, end: number): Segment[] | null {
  const chain: Segment[] = [];
  let at = start;
  let next = segments.length - 1;
  while (at < end && chain.length < MAX_PLANNED) {
    let best: Segment | null = null;
    for (; next >= 0 && segments[next]!.start <= at; next--) {
      const candidate = segments[next]!;
      if (candidate.end > (best?.end ?? at)) best = candidate;
    }
    if (best === null) return chain.length === 0 ? null : chain;
    chain.push(best);
    at = best.end;
  }
  return chain;
}
