import type { TimeSlicer } from "./time-slicer.ts";

/**
 * Work that yields where other tasks may have a turn of the event loop, and returns its result at
 * the end.
 */
export type Steps<T = void> = Generator<void, T, undefined>;

/** The rest of work that has begun; undefined when it is complete. */
export type Rest = Steps | undefined;

/** How long in ms steps follow each other before other tasks may have their turn. */
const STEPS_MS = 2;

/**
 * Does work in turns of the event loop: as many steps as fit into one, or, without `turns`, one
 * step in each.
 */
export async function inTurns<T>(work: Steps<T>, turns?: TimeSlicer): Promise<T> {
  for (;;) {
    const { done, value } = turns ? await turns.run(async () => someSteps(work)) : work.next();
    if (done) return value;
    if (!turns) await new Promise<void>((resolve) => setTimeout(resolve, 0));
  }
}

function someSteps<T>(work: Steps<T>): IteratorResult<void, T> {
  const endsAt = performance.now() + STEPS_MS;
  let step = work.next();
  while (!step.done && performance.now() < endsAt) step = work.next();
  return step;
}

/** Does all of the work now. */
export function atOnce<T>(work: Steps<T>): T {
  let step = work.next();
  while (!step.done) step = work.next();
  return step.value;
}

/** The work as a rest if it takes long; otherwise it is done at once. */
export function laterIf(takesLong: boolean, work: Steps): Rest {
  if (takesLong) return work;
  atOnce(work);
  return undefined;
}

/** Goes on with `next` once the work before it is complete. */
export function andThen(rest: Rest, next: () => Rest): Rest {
  return rest ? followed(rest, next) : next();
}

/** Processes one item after the other. */
export function eachThen<T>(items: readonly T[], deal: (item: T) => Rest): Rest {
  for (const [index, item] of items.entries()) {
    const rest = deal(item);
    if (rest) return andThen(rest, () => eachThen(items.slice(index + 1), deal));
  }
  return undefined;
}

/** Processes one item after the other; between any two of them other tasks may have their turn. */
export function* eachInSteps<T>(items: Iterable<T>, deal: (item: T) => void): Steps {
  for (const item of items) {
    deal(item);
    yield;
  }
}

/** Completes the work that `begin` begins; where it fails, goes on with `fail`. */
export function attempt(begin: () => Rest, fail: (error: unknown) => Rest): Rest {
  try {
    const rest = begin();
    return rest && attempted(rest, fail);
  } catch (error) {
    return fail(error);
  }
}

function* followed(rest: Steps, next: () => Rest): Steps {
  yield* rest;
  const more = next();
  if (more) yield* more;
}

function* attempted(rest: Steps, fail: (error: unknown) => Rest): Steps {
  try {
    yield* rest;
  } catch (error) {
    const more = fail(error);
    if (more) yield* more;
  }
}
