import { RunlogError } from "../../ports/errors.ts";
import { shortNoteKey } from "../log/open-run-marks.ts";

/** Who pushes, and which of its batches this is. */
export interface Producer {
  readonly id: string;
  /** Grows when the producer starts anew. */
  readonly epoch: number;
  /** Number of the batch in its epoch, from 0 on. */
  readonly seq: number;
}

/** How far a producer is, as the note of its last batch says. */
export interface ProducerState {
  readonly epoch: number;
  readonly seq: number;
  /** Whether a run of the producer's was open after that batch. */
  readonly isOpen: boolean;
}

/** What is to be done with a batch. */
export type Verdict =
  | { readonly kind: "new"; readonly isNewEpoch: boolean }
  | { readonly kind: "duplicate"; readonly epoch: number; readonly seq: number }
  | { readonly kind: "fenced"; readonly epoch: number }
  | { readonly kind: "gap"; readonly expected: number; readonly received: number };

const PREFIX = "push:";
const FORM = /^(\d{1,16})\.(\d{1,16})\.([oc])$/;

/** The key of the note that a producer's batches come with. */
export function producerNoteKey(id: string): string {
  return shortNoteKey(PREFIX, id);
}

export function isProducerNote(key: string): boolean {
  return key.startsWith(PREFIX);
}

/** `<epoch>.<seq>.<o or c>`: whether a run is open after it. */
export function producerNote({ epoch, seq, isOpen }: ProducerState): string {
  return `${epoch}.${seq}.${isOpen ? "o" : "c"}`;
}

/** What a note says; null for a producer that has none. */
export function producerState(text: string | null): ProducerState | null {
  const [, epoch, seq, open] = FORM.exec(text ?? "") ?? [];
  return seq === undefined
    ? null
    : { epoch: Number(epoch), seq: Number(seq), isOpen: open === "o" };
}

/** The rule of Durable Streams 5.2.1. Throws `invalid-input` for a new epoch that does not begin with 0. */
export function judge({ epoch, seq }: Producer, known: ProducerState | null): Verdict {
  if (known && epoch < known.epoch) return { kind: "fenced", epoch: known.epoch };
  const isNewEpoch = known !== null && epoch > known.epoch;
  if (isNewEpoch && seq !== 0)
    throw new RunlogError("invalid-input", "A new Producer-Epoch begins with Producer-Seq 0");
  const expected = known && !isNewEpoch ? known.seq + 1 : 0;
  if (seq > expected) return { kind: "gap", expected, received: seq };
  if (seq < expected) return { kind: "duplicate", epoch, seq: expected - 1 };
  return { kind: "new", isNewEpoch };
}
