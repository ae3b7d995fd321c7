import { createMemoryLogStore } from "../../adapters/memory/index.ts";
import type { Dialect } from "../../src/core/profile/repair/dialect.ts";
import type { ProfileSourceOptions } from "../../src/core/profile/profile-pass.ts";
import {
  createProfileSource,
  createResumedSource,
  createSnapshotSource,
} from "../../src/core/profile/profile-source.ts";
import { createMessagesNow } from "../../src/core/profile/messages-now.ts";
import { findReplayStart } from "../../src/core/replay/resume-point.ts";
import { type SessionUse } from "../../src/core/session/session-registry.ts";
import { systemClock } from "../../src/entry/system-clock.ts";
import { type ByteBudget, createByteBudget } from "../../src/stream/sync/byte-budget.ts";
import { createBytesInFlight } from "../../src/stream/sync/bytes-in-flight.ts";
import { createTimeSlicer, type TimeSlicer } from "../../src/stream/sync/time-slicer.ts";
import type { ChunkSource } from "../../src/stream/sse/paced-stream.ts";
import { sessionsOf, silent } from "./session-registry.ts";

const MIB = 1024 * 1024;
const key = { project: "p1", session: "s1" };

export interface TellOptions extends Partial<ProfileSourceOptions> {
  readonly dialect: Dialect;
  /** Whether the history comes as a snapshot; with `after` lines that come after it. */
  readonly snapshot?: boolean;
  /** Lines that are stored only once the history has been read. */
  readonly after?: readonly string[];
  /** Lines that are stored each time that the stream has been sent all there is, and waits. */
  readonly bursts?: readonly (readonly string[])[];
  /**
   * Position of the last frame that the client has: what stands after the log's id and the hyphen in the
   * id of a frame.
   */
  readonly lastPosition?: string;
  /** Memory for the messages that are kept. */
  readonly messages?: ByteBudget;
  /** In which the history is dealt with. */
  readonly turns?: TimeSlicer;
}

/**
 * What a stored log is told as to a client of the standard: the body of an event stream. Throws a RangeError
 * where there is no frame of `lastPosition`.
 */
export async function tellLog(lines: readonly string[], options: TellOptions): Promise<string> {
  const { after = [], bursts = [], lastPosition, messages, turns, ...rest } = options;
  const { snapshot = false, ...told } = rest;
  const { use, store, ...opened } = await storedLog(lines, { messages, turns });
  const isOver = storeInBursts(use, bursts);
  const source: ProfileSourceOptions = { store, ...opened, isOver, ...told };
  const stream = snapshot
    ? (await createSnapshotSource(use, { ...source, isForced: true })).source
    : lastPosition === undefined
      ? createProfileSource(use, source)
      : await createResumedSource(use, source, `${source.start.logId}-${lastPosition}`);
  if (!stream) throw new RangeError(`no frame at ${lastPosition}`);
  if (after.length > 0) await use.session.log.append([linesOf(after)]);
  const body = await textOf(stream);
  await store.close();
  return body;
}

/** Stores lines whenever somebody waits for more; returns whether all are stored. */
function storeInBursts(
  { session: { log } }: SessionUse,
  bursts: readonly (readonly string[])[],
): () => boolean {
  const waiting = [...bursts];
  log.grown = async () => {
    const next = waiting.shift() ?? [];
    if (next.length > 0) await log.append([linesOf(next)]);
  };
  return () => waiting.length === 0;
}

/** What a stored log is as JSON. */
export async function tellNow(lines: readonly string[], messages?: ByteBudget): Promise<string> {
  const { use, store, start, budgets } = await storedLog(lines, { messages });
  const offset = linesOf(lines).length;
  const logId = start.logId ?? "";
  const position = { log: "raw", logId, offset } as const;
  const runs = { threadId: "t", activeRun: null, waitingRuns: [], lastRunId: null };
  const source = createMessagesNow(use, {
    store,
    start,
    budgets,
    logger: silent,
    position,
    ...runs,
  });
  const body = await textOf(source);
  await store.close();
  return body;
}

interface Budgets {
  readonly messages?: ByteBudget | undefined;
  readonly turns?: TimeSlicer | undefined;
}

async function storedLog(
  lines: readonly string[],
  { messages, turns }: Budgets,
): Promise<StoredLog> {
  const store = createMemoryLogStore();
  const sessions = sessionsOf(store, { clock: systemClock, ringBytes: MIB });
  const { logId } = await store.create(key);
  await store.append(key, linesOf(lines), { logId, expectedEnd: 0 });
  const use = sessions.use(key);
  const start = await findReplayStart(use.session, { store, cursor: null, view: "condensed" });
  const budgets = profileBudgets({ messages, turns });
  return { use, store, start, budgets };
}

/** Memory and turns for a profile that nobody else takes any of. */
export function profileBudgets({
  messages = createByteBudget(64 * MIB),
  turns = createTimeSlicer({ turnMs: 2 }),
}: Budgets = {}): ProfileSourceOptions["budgets"] {
  return {
    messages,
    lines: createByteBudget(64 * MIB),
    reads: {
      bytes: createBytesInFlight({ limitBytes: 64 * MIB, minBytes: 4_096, maxBytes: 65_536 }),
      turns: createTimeSlicer({ turnMs: 2 }),
    },
    turns,
  };
}

interface StoredLog extends Pick<ProfileSourceOptions, "store" | "start" | "budgets"> {
  readonly use: SessionUse;
}

function linesOf(lines: readonly string[]): Uint8Array {
  return new TextEncoder().encode(lines.map((line) => `${line}\n`).join(""));
}

async function textOf(source: ChunkSource): Promise<string> {
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  let text = "";
  for (let chunk = await source.next(); chunk !== null; chunk = await source.next())
    text += decoder.decode(chunk, { stream: true });
  source.close();
  return text;
}
