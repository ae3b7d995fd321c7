import { crc32 } from "node:zlib";
import { createEventFrames } from "./event-frames.ts";

/** What a viewer saw of a log: all events between two offsets, and a checksum of their lines. */
export interface SeenRange {
  readonly logId: string;
  readonly start: number;
  readonly end: number;
  readonly crc: number;
}

/** Follows one viewer's stream over all its connections, frame by frame. */
export interface StreamChecker {
  /** Takes the next bytes of the connection's body. */
  push(bytes: Buffer): void;
  /** Takes the next event, from whoever takes the body apart himself. */
  take(data: Buffer, id: string | null): void;
  /** A new connection begins: what was cut within a frame by the end of the last one is dropped. */
  reconnect(): void;
  /** The cursor to come back with; null before the first event. */
  readonly cursor: string | null;
  readonly events: number;
  /** Null before the first event. */
  readonly seen: SeenRange | null;
  /** What was wrong: holes, repetitions, what is no frame, another log. */
  readonly violations: readonly string[];
}

export interface StreamCheckerOptions {
  /** Where the viewer begins: after this event, or without it at the log's start. */
  readonly cursor?: string | null;
  /** Told of each event's bytes, valid only during the call. */
  readonly onEvent?: (data: Buffer) => void;
}

const LF = Buffer.from("\n");
const CURSOR = /^([a-z0-9]{16})-r(\d+)$/;

/**
 * A checker for a stream of the raw log. Because a cursor is the offset after its event, a stream
 * without a hole, a repetition or a change of order is one in which each cursor lies after the one
 * before it by exactly the length of its event's line.
 */
export function createStreamChecker(options: StreamCheckerOptions = {}): StreamChecker {
  const { onEvent } = options;
  const violations: string[] = [];
  let cursor = options.cursor ?? null;
  const given = cursor === null ? null : positionOf(cursor);
  const start = given?.offset ?? 0;
  let logId = given?.logId ?? null;
  let end = start;
  let crc = 0;
  let events = 0;

  function takeEvent(data: Buffer, id: string | null): void {
    const position = positionOf(id ?? "");
    if (position === null) {
      violations.push(`no cursor: ${id}`);
      return;
    }
    logId ??= position.logId;
    const expected = end + data.length + 1;
    if (position.logId !== logId) violations.push(`another log: ${id} behind ${cursor}`);
    else if (position.offset > expected) violations.push(`a hole: ${id} instead of ${expected}`);
    else if (position.offset < expected)
      violations.push(`seen twice or out of order: ${id} instead of ${expected}`);
    end = position.offset;
    crc = crc32(LF, crc32(data, crc));
    cursor = id;
    events += 1;
    onEvent?.(data);
  }

  const frames = createEventFrames({
    onEvent: takeEvent,
    onOther: (text) => violations.push(`no frame: ${text}`),
  });

  return {
    push: (bytes) => frames.push(bytes),
    take: takeEvent,
    reconnect: () => frames.reset(),
    get cursor() {
      return cursor;
    },
    get events() {
      return events;
    },
    get seen() {
      return logId === null ? null : { logId, start, end, crc };
    },
    violations,
  };
}

function positionOf(cursor: string): { readonly logId: string; readonly offset: number } | null {
  const [, logId, offset] = CURSOR.exec(cursor) ?? [];
  return logId === undefined ? null : { logId, offset: Number(offset) };
}
