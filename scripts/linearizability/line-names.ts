/**
 * What the names of lines (`Line.name`) mean:
 *
 * - `say <run>`: what the caller of a run said, with which it was admitted;
 * - `meta <n>`: a feedback;
 * - `emit <run> <post> <n>`: the n-th event of a runner's answer to the post-th post of a run; the one
 *   that ends the run has ` last` behind it;
 * - `own <type> <run> <code>`: what the server adds;
 * - `alien …`: what nobody sent.
 */
const SAID = /^say (\S+)$/;
const EMITTED = /^emit (\S+) (\d+) (\d+)( last)?$/;
const NOT_STARTED = /^own RUN_ERROR (\S+) run-not-started/;
const OWN_TERMINAL = /^own RUN_ERROR (\S+) /;

/** The run that a line ends, or null. */
export function runEndedBy(name: string): string | null {
  const emitted = emittedBy(name);
  if (emitted) return emitted.isLast ? emitted.run : null;
  return OWN_TERMINAL.exec(name)?.[1] ?? null;
}

/** The run that a line says was not started: it may be posted again, and is another then. */
export function runNotStarted(name: string): string | null {
  return NOT_STARTED.exec(name)?.[1] ?? null;
}

/** The run that a line admits, or null. */
export function runSaidBy(name: string): string | null {
  return SAID.exec(name)?.[1] ?? null;
}

/** An event of a runner, by its place in an answer. */
export interface Emitted {
  readonly run: string;
  readonly post: number;
  readonly number: number;
  readonly isLast: boolean;
}

/** The runner's event that a line is, or null. */
export function emittedBy(name: string): Emitted | null {
  const [, run, post, number, last] = EMITTED.exec(name) ?? [];
  if (run === undefined) return null;
  return { run, post: Number(post), number: Number(number), isLast: last !== undefined };
}

/** The name of a runner's event. */
export function emitName({ run, post, number, isLast }: Emitted): string {
  return `emit ${run} ${post} ${number}${isLast ? " last" : ""}`;
}
