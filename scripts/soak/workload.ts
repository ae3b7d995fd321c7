import type { Random } from "../bench/random.ts";
import type { AnswerFacts } from "./failed-answer.ts";
import type { SeenRange } from "./stream-checker.ts";

/** A session as a workload knows it. */
export interface WorkloadSession {
  readonly name: string;
  /** Path of its routes. */
  readonly path: string;
  /** Of its log, before the soak. */
  readonly megabytes: number;
  /** Whether it has no runs. */
  readonly isResting: boolean;
}

/** What a workload works with. */
export interface WorkloadContext {
  readonly port: number;
  readonly sessions: readonly WorkloadSession[];
  readonly random: Random;
  /** Aborts when the soak is over. */
  readonly signal: AbortSignal;
  /** Counts what happened, by name. */
  count(what: string): void;
  /** Tells what was seen of a log: it is compared with what is stored in the end. */
  saw(session: string, range: SeenRange): void;
  /** Tells what must not happen. */
  violation(text: string): void;
  /** Tells of a stream that ended in order within a run, which only one of a server that stops may do. */
  endedEarly(what: string): void;
  /** Tells of an answer of 5xx, which is judged in the end. */
  failed(answer: Omit<AnswerFacts, "port">): void;
}

/** A kind of client, of which some are at work all the time. */
export interface Workload {
  readonly name: string;
  /** How many there are at once. */
  readonly clients: number;
  /**
   * One round of one client. It may end early when the server dies, and what it throws then is
   * counted, not judged.
   */
  round(context: WorkloadContext): Promise<void>;
}
