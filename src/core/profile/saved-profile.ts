import type { RunSpan } from "../model/run-span.ts";
import type { SavedPending } from "./client-view/pending-messages.ts";
import type { SeenRuns } from "./client-view/seen-runs.ts";
import type { Held, HeldEvents } from "./held-events.ts";
import type { SavedInterrupts } from "./interrupts.ts";
import type { MessageDelivery } from "./message-delivery.ts";
import type { PassThrough } from "./pass-through.ts";
import type { OwnNames } from "./posted-state.ts";
import type { ProfileStream } from "./profile-stream.ts";
import type { SavedUndelivered } from "./undelivered.ts";

/** The parts of a stream that know something between two runs. */
export interface ProfileParts {
  readonly delivery: Pick<MessageDelivery, "pending">;
  readonly events: Pick<PassThrough, "saved" | "restore">;
  readonly held: Pick<HeldEvents, "saved" | "restore">;
  readonly names: Pick<OwnNames, "saved" | "restore">;
  readonly seen: Pick<SeenRuns, "since" | "count" | "restore">;
}

/** A stream between two runs, as JSON; whom clients were asked to hide is left out. */
export interface SavedProfile {
  readonly span: RunSpan;
  readonly isNextForeign: boolean;
  readonly isStateSet: boolean;
  readonly held: readonly Held[];
  readonly pending: SavedPending;
  readonly interrupts: SavedInterrupts;
  readonly undelivered: SavedUndelivered;
  /** Hashes of the runs that have begun. */
  readonly seen: readonly number[];
}

/** Saves a stream that has no run open, and has sent nothing; of the runs that it has seen only those after the first `seenBefore`. */
export function saveProfile(
  { interrupts, parts, span, undelivered }: ProfileStream,
  seenBefore: number,
): SavedProfile {
  const { delivery, events, held, names, seen } = parts;
  return {
    span,
    isNextForeign: names.saved,
    isStateSet: events.saved,
    held: held.saved,
    pending: delivery.pending.saved,
    interrupts: interrupts.saved,
    undelivered: undelivered.saved,
    seen: seen.since(seenBefore),
  };
}

/** Makes a new stream go on from what was saved, `seen` being all runs. Its messages are restored before. */
export function restoreProfile(stream: ProfileStream, saved: SavedProfile): void {
  const { delivery, events, held, names, seen } = stream.parts;
  stream.span = saved.span;
  names.restore(saved.isNextForeign);
  events.restore(saved.isStateSet);
  held.restore(saved.held);
  delivery.pending.restore(saved.pending);
  stream.interrupts.restore(saved.interrupts);
  stream.undelivered.restore(saved.undelivered);
  seen.restore(saved.seen);
}
