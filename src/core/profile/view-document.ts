import { concatBytes } from "../../stream/bytes/concat.ts";
import { openingSource } from "../../stream/sse/opening-source.ts";
import type { ChunkSource } from "../../stream/sse/paced-stream.ts";
import { inTurns } from "../../stream/sync/steps.ts";
import type { TimeSlicer } from "../../stream/sync/time-slicer.ts";
import type { Cursor } from "../model/cursor.ts";
import { writeInSteps } from "../model/json-in-steps.ts";
import type { SessionUse } from "../session/session-registry.ts";
import type { Pass } from "./profile-pass.ts";
import { createViewPass, type ViewPassOptions } from "./view-pass.ts";

export interface ViewDocumentOptions extends ViewPassOptions {
  /** The end of what is read, or null for nothing. */
  readonly position: Cursor | null;
  /** Makes the pass that reads on to `position`. Default: a new one. */
  readonly open?: (signal: AbortSignal) => Promise<Pass>;
  /** What is sent before anything is read. */
  readonly first: string;
  /** What follows once the log is read. */
  readonly pieces: (pass: Pass) => Pieces;
}

/** Parts of a document, of any length. */
export type Pieces = AsyncGenerator<Uint8Array<ArrayBuffer>, void, undefined>;

/** Most bytes of a chunk, for which a client has one write deadline. */
const CHUNK_BYTES = 128 * 1024;

const encoder = new TextEncoder();

/**
 * What a client has at a position, as one JSON document whose first bytes are sent before the log is read. Takes over `use`
 * and releases it when closed.
 */
export function createViewDocument(use: SessionUse, options: ViewDocumentOptions): ChunkSource {
  return openingSource({
    first: encoder.encode(options.first),
    open: (signal) => openRest(use, options, signal),
    onClosed: () => use.release(),
  });
}

async function openRest(
  use: SessionUse,
  options: ViewDocumentOptions,
  signal: AbortSignal,
): Promise<ChunkSource> {
  const { open = () => createViewPass(use, options), position } = options;
  const pass = await open(signal);
  const stop = (): void => pass.stop();
  signal.addEventListener("abort", stop);
  if (signal.aborted) stop();
  try {
    if (position) await pass.readUpTo(position);
    return chunksOf(pass, restOf(options.pieces(pass)));
  } catch (error) {
    pass.close();
    throw error;
  } finally {
    signal.removeEventListener("abort", stop);
  }
}

/** The pieces in chunks, within whose text nothing may come. */
function chunksOf(pass: Pass, pieces: Pieces): ChunkSource {
  return {
    next: async () => (await pieces.next()).value ?? null,
    atBoundary: false,
    close: () => pass.close(),
  };
}

/** The pieces in chunks of a bounded size. */
async function* restOf(pieces: Pieces): Pieces {
  let pending: Uint8Array<ArrayBuffer>[] = [];
  let bytes = 0;
  for await (const piece of pieces) {
    for (let from = 0; from < piece.length; from += CHUNK_BYTES) {
      const part = piece.subarray(from, from + CHUNK_BYTES);
      if (bytes + part.length > CHUNK_BYTES) {
        yield concatBytes(pending);
        pending = [];
        bytes = 0;
      }
      pending.push(part);
      bytes += part.length;
    }
  }
  yield concatBytes(pending);
}

/** The member `messages`; null where they are not known. */
export async function* writeMessages(messages: Iterable<object> | null, turns: TimeSlicer): Pieces {
  if (messages === null) {
    yield encoder.encode('"messages":null');
    return;
  }
  let separator = '"messages":[';
  for (const message of messages) {
    yield encoder.encode(separator);
    separator = ",";
    yield* await inTurns(writeInSteps(message), turns);
  }
  yield encoder.encode(separator === "," ? "]" : '"messages":[]');
}

/** `"messages":…,"state":…`: what takes up more memory than there is, is null. */
export async function* writeView({ messages, profile, state }: Pass, turns: TimeSlicer): Pieces {
  yield* writeMessages(messages.isOverflowed ? null : messages.messages, turns);
  yield encoder.encode(',"state":');
  const isKnown = state !== null && !state.isOverflowed && !profile.undelivered.isStateUnknown;
  yield* await inTurns(writeInSteps(isKnown ? state.values.at(-1) : null), turns);
}

/** Whether all that `writeView` writes, and the interrupts, are what a client has. */
export function isWholeView({ messages, profile, state }: Pass): boolean {
  const { interrupts, undelivered } = profile;
  return (
    !messages.isOverflowed &&
    state?.isOverflowed === false &&
    undelivered.isNothing &&
    !undelivered.isStateUnknown &&
    !interrupts.isOverflowed
  );
}
