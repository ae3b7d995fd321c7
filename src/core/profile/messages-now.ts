import type { ChunkSource } from "../../stream/sse/paced-stream.ts";
import { inTurns } from "../../stream/sync/steps.ts";
import { formatCursor } from "../model/cursor.ts";
import { isObject } from "../model/json-fields.ts";
import { writeInSteps } from "../model/json-in-steps.ts";
import type { RunAccepted } from "../runs/run-request.ts";
import type { SessionUse } from "../session/session-registry.ts";
import type { Pass, ProfileSourceOptions, RawPosition } from "./profile-pass.ts";
import { toUiMessages } from "./ui-messages.ts";
import {
  createViewDocument,
  isWholeView,
  type Pieces,
  writeMessages,
  writeView,
} from "./view-document.ts";

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

const encoder = new TextEncoder();

/**
 * A session as one JSON object (PROTOCOL 12.6), whose first bytes are sent before the log is read. What
 * takes up more memory than there is, is null. Takes over `use` and releases it when closed.
 */
export function createMessagesNow(use: SessionUse, options: MessagesNowOptions): ChunkSource {
  return createViewDocument(use, {
    ...options,
    isUnbounded: true,
    first: `{"threadId":${JSON.stringify(options.threadId)},`,
    pieces: (pass) => piecesOf(pass, options),
  });
}

/** As `createMessagesNow`, in the form in which TanStack AI takes up a chat (PROTOCOL 12.7). */
export function createThreadNow(use: SessionUse, options: MessagesNowOptions): ChunkSource {
  return createViewDocument(use, {
    ...options,
    isUnbounded: true,
    first: "{",
    pieces: (pass) => threadPieces(pass, options),
  });
}

async function* piecesOf(
  pass: Pass,
  { budgets: { turns }, position, activeRun, waitingRuns }: MessagesNowOptions,
): Pieces {
  const { interrupts } = pass.profile;
  const inputs = await pass.frames.takeHeldInputs();
  yield* writeView(pass, turns);
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
  const incomplete = isWholeView(pass) ? "" : ',"incomplete":true';
  yield encoder.encode(`,"cursor":${JSON.stringify(cursor)}${incomplete}}`);
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
  yield* writeMessages(messages.isOverflowed ? null : toUiMessages(list), turns);
  const pending = (profile.interrupts.open ?? []).filter(hasId);
  const active = activeRun && { runId: activeRun.runId };
  const interrupts =
    lastRunId !== null && pending.length > 0 ? { runId: lastRunId, pending } : null;
  yield encoder.encode(`,"activeRun":${JSON.stringify(active)},"interrupts":`);
  yield* await inTurns(writeInSteps(interrupts), turns);
  yield encoder.encode("}");
}
