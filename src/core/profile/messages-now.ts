import { concatBytes } from "../../stream/bytes/concat.ts";
import type { ChunkSource } from "../../stream/sse/paced-stream.ts";
import { openingSource } from "../../stream/sse/opening-source.ts";
import { inTurns } from "../../stream/sync/steps.ts";
import { formatCursor } from "../model/cursor.ts";
import { writeInSteps } from "../model/json-in-steps.ts";
import type { RunAccepted } from "../runs/run-request.ts";
import type { SessionUse } from "../session/session-registry.ts";
import { MessageList } from "./client-view/message-list.ts";
import { Pass, type ProfileSourceOptions, type RawPosition } from "./profile-pass.ts";

export interface MessagesNowOptions extends Pick<
  ProfileSourceOptions,
  "store" | "start" | "budgets" | "logger"
> {
  readonly threadId: string;
  /** The end of the log that is described; null if there is none. */
  readonly position: RawPosition | null;
  readonly activeRun: RunAccepted | null;
  readonly waitingRuns: readonly RunAccepted[];
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

/**
 * A session as one JSON object (PROTOCOL 12.6), whose first bytes are sent before the log is read. What
 * takes up more memory than there is, is null. Takes over `use` and releases it when closed.
 */
export function createMessagesNow(use: SessionUse, options: MessagesNowOptions): ChunkSource {
  const { threadId } = options;
  return openingSource({
    first: encoder.encode(`{"threadId":${JSON.stringify(threadId)},`),
    open: (signal) => openRest(use, options, signal),
    onClosed: () => use.release(),
  });
}

async function openRest(
  use: SessionUse,
  options: MessagesNowOptions,
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
    return chunksOf(pass, restOf(pass, options));
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

/** Everything after the thread, in chunks of a bounded size. */
async function* restOf(pass: Pass, options: MessagesNowOptions): Pieces {
  let pending: Uint8Array<ArrayBuffer>[] = [];
  let bytes = 0;
  for await (const piece of piecesOf(pass, options)) {
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
  if (isKnown) {
    let separator = '"messages":[';
    for (const message of messages.messages) {
      yield encoder.encode(separator);
      separator = ",";
      yield* await inTurns(writeInSteps(message), turns);
    }
    yield encoder.encode(separator === "," ? '],"state":' : '"messages":[],"state":');
  } else yield encoder.encode('"messages":null,"state":');
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
