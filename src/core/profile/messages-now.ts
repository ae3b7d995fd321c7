import { concatBytes } from "../../stream/bytes/concat.ts";
import type { ChunkSource } from "../../stream/sse/paced-stream.ts";
import { openingSource } from "../../stream/sse/opening-source.ts";
import { inTurns } from "../../stream/sync/steps.ts";
import type { TimeSlicer } from "../../stream/sync/time-slicer.ts";
import { formatCursor } from "../model/cursor.ts";
import { isObject } from "../model/json-fields.ts";
import { writeInSteps } from "../model/json-in-steps.ts";
import type { RunAccepted } from "../runs/run-request.ts";
import type { SessionUse } from "../session/session-registry.ts";
import { MessageList } from "./client-view/message-list.ts";
import { Pass, type ProfileSourceOptions, type RawPosition } from "./profile-pass.ts";
import { toUiMessages } from "./ui-messages.ts";

export interface MessagesNowOptions extends Pick<
  ProfileSourceOptions,
  "store" | "start" | "budgets" | "logger"
> {
  readonly threadId: string;
  /** The end of the log that is described; null if there is none. */
  readonly position: RawPosition | null;
  readonly activeRun: RunAccepted | null;
  readonly waitingRuns: readonly RunAccepted[];
  /** The run that began last, of those that are remembered. */
  readonly lastRunId: string | null;
}

/**
 * Most characters of JSON in the messages: no client has to take them as one event. What all messages of
 * the process may take still holds.
 */
const MESSAGE_CHARS = 32 * 1024 * 1024;

/** Most bytes of a chunk, for which a client has one write deadline. */
const CHUNK_BYTES = 128 * 1024;

const encoder = new TextEncoder();

type Pieces = AsyncGenerator<Uint8Array<ArrayBuffer>, void, undefined>;

/** A JSON object about a session: its first bytes, and what is made of the session once it is read. */
interface NowDocument {
  readonly first: string;
  readonly pieces: (pass: Pass, options: MessagesNowOptions) => Pieces;
}

/**
 * A session as one JSON object (PROTOCOL 12.6), whose first bytes are sent before the log is read. What
 * takes up more memory than there is, is null. Takes over `use` and releases it when closed.
 */
export function createMessagesNow(use: SessionUse, options: MessagesNowOptions): ChunkSource {
  const { threadId } = options;
  return createNow(use, options, {
    first: `{"threadId":${JSON.stringify(threadId)},`,
    pieces: piecesOf,
  });
}

/** As `createMessagesNow`, in the form in which TanStack AI takes up a chat (PROTOCOL 12.7). */
export function createThreadNow(use: SessionUse, options: MessagesNowOptions): ChunkSource {
  return createNow(use, options, { first: "{", pieces: threadPieces });
}

function createNow(
  use: SessionUse,
  options: MessagesNowOptions,
  { first, pieces }: NowDocument,
): ChunkSource {
  return openingSource({
    first: encoder.encode(first),
    open: (signal) => openRest(use, options, pieces, signal),
    onClosed: () => use.release(),
  });
}

async function openRest(
  use: SessionUse,
  options: MessagesNowOptions,
  pieces: NowDocument["pieces"],
  signal: AbortSignal,
): Promise<ChunkSource> {
  const source = { ...options, dialect: "1.0", isOver: () => true } as const;
  const pass = new Pass(use, source, true, {
    isUnbounded: true,
    listOf: (list) => new MessageList({ ...list, limitChars: MESSAGE_CHARS }),
  });
  const stop = (): void => pass.stop();
  signal.addEventListener("abort", stop);
  try {
    if (options.position) await pass.readUpTo(options.position);
    return chunksOf(pass, inChunks(pieces(pass, options)));
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

/** Pieces in chunks of a bounded size. */
async function* inChunks(pieces: Pieces): Pieces {
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

async function* piecesOf(
  pass: Pass,
  { budgets: { turns }, position, activeRun, waitingRuns }: MessagesNowOptions,
): Pieces {
  const { messages, profile, state } = pass;
  const { interrupts, undelivered } = profile;
  const inputs = await pass.frames.takeHeldInputs();
  const isKnown = !messages.isOverflowed;
  yield* messagePieces(isKnown ? messages.messages : null, turns);
  yield encoder.encode(',"state":');
  const isStateKnown = state !== null && !state.isOverflowed && !undelivered.isStateUnknown;
  yield* await inTurns(writeInSteps(isStateKnown ? state.values.at(-1) : null), turns);
  yield encoder.encode(`,"activeRun":${JSON.stringify(activeRun)},"waitingRuns":[`);
  for (const [index, { runId, threadId }] of waitingRuns.entries()) {
    const run = JSON.stringify({ runId, threadId });
    const input = inputs.find((line) => line.text("runId") === runId)?.raw("value");
    yield encoder.encode(`${index > 0 ? "," : ""}${input ? `${run.slice(0, -1)},"input":` : run}`);
    if (input) {
      yield input;
      yield encoder.encode("}");
    }
  }
  yield encoder.encode('],"interrupts":');
  yield* await inTurns(writeInSteps(interrupts.open), turns);
  const cursor = position && formatCursor(position);
  const isWhole = isKnown && isStateKnown && undelivered.isNothing && !interrupts.isOverflowed;
  const incomplete = isWhole ? "" : ',"incomplete":true';
  yield encoder.encode(`,"cursor":${JSON.stringify(cursor)}${incomplete}}`);
}

/** The member `messages`; null where they are not known. */
async function* messagePieces(messages: Iterable<object> | null, turns: TimeSlicer): Pieces {
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

/** An interrupt of a run's outcome has an id; a CUSTOM event, which older agents send, has none. */
const hasId = (interrupt: unknown): boolean =>
  isObject(interrupt) && typeof interrupt["id"] === "string";

async function* threadPieces(
  pass: Pass,
  { budgets: { turns }, activeRun, lastRunId }: MessagesNowOptions,
): Pieces {
  const { messages, profile } = pass;
  // what a run that goes on has made comes again where it is joined
  const isOpen = activeRun !== null && profile.openRun?.runId === activeRun.runId;
  const list = isOpen ? messages.messagesBeforeRun : messages.messages;
  yield* messagePieces(messages.isOverflowed ? null : toUiMessages(list), turns);
  const pending = (profile.interrupts.open ?? []).filter(hasId);
  const active = activeRun && { runId: activeRun.runId };
  const interrupts =
    lastRunId !== null && pending.length > 0 ? { runId: lastRunId, pending } : null;
  yield encoder.encode(`,"activeRun":${JSON.stringify(active)},"interrupts":`);
  yield* await inTurns(writeInSteps(interrupts), turns);
  yield encoder.encode("}");
}
