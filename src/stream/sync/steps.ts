import type { TimeSlicer } from "./time-slicer.ts";

/** Work that yields whenever others may have a turn of the event loop, and gives its result at the end. */
export type Steps<T = void> = Generator<void, T, undefined>;

/** What is left of work that has begun; undefined when nothing is. */
export type Rest = Steps | undefined;

/** So long steps follow each other before others may have their turn, in ms. */
const STEPS_MS = 2;

/**
 * Does work in turns of the event loop: as many steps as fit into one, or, without `turns`, one step in
 * each.
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

/** The work as what is left of it if it takes long; else it is done now. */
export function laterIf(takesLong: boolean, work: Steps): Rest {
  if (takesLong) return work;
  atOnce(work);
  return undefined;
}

/** Goes on with `next` once nothing is left of what came before. */
export function andThen(rest: Rest, next: () => Rest): Rest {
  return rest ? followed(rest, next) : next();
}

/** Deals with one item after the other. */
export function eachThen<T>(items: readonly T[], deal: (item: T) => Rest): Rest {
  for (const [index, item] of items.entries()) {
    const rest = deal(item);
    if (rest) return andThen(rest, () => eachThen(items.slice(index + 1), deal));
  }
  return undefined;
}

/** Deals with one item after the other; between any two of them others may have their turn. */
export function* eachInSteps<T>(items: Iterable<T>, deal: (item: T) => void): Steps {
  for (const item of items) {
    deal(item);
    yield;
  }
}

/** Does what `begin` begins to its end; where that fails, goes on with `fail`. */
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
