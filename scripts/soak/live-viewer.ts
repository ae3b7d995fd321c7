import { type HttpStream, openHttpStream } from "../bench/http-stream.ts";
import type { Random } from "../bench/random.ts";
import type { AnswerFacts } from "./failed-answer.ts";
import { createStreamChecker, type SeenRange } from "./stream-checker.ts";

/** One viewer who watches a session over all lives of its server. */
export interface LiveViewer {
  readonly session: string;
  readonly seen: SeenRange | null;
  readonly events: number;
  readonly violations: readonly string[];
  stop(): void;
}

export interface LiveViewerOptions {
  readonly port: number;
  readonly session: string;
  /** Path of the session's routes. */
  readonly path: string;
  /** Where it begins; null for the log's start. */
  readonly cursor: string | null;
  readonly random: Random;
  /** Told how long an event took from the runner to here, in ms. */
  readonly onDelay: (ms: number) => void;
  /** Told of each answer. */
  readonly onAnswer: (answer: AnswerFacts) => void;
}

const SENT_AT = Buffer.from('"sentAt":');
const EPOCH_DIGITS = 13;
const MAX_RETRY_MS = 2_000;

/** Watches until it is stopped, coming back with its cursor whenever its connection has gone. */
export function watchLive(options: LiveViewerOptions): LiveViewer {
  const { port, path, session, cursor, random, onDelay, onAnswer } = options;
  let stopped = false;
  let stream: HttpStream | null = null;
  let openedAtMs = 0;
  let nowMs = 0;
  const refusals: string[] = [];
  const checker = createStreamChecker({ cursor, onEvent: measureDelay });

  function measureDelay(data: Buffer): void {
    // after the first bytes of an event comes its value, which may be long
    const at = data.subarray(0, 400).indexOf(SENT_AT);
    if (at === -1) return;
    const digits = at + SENT_AT.length;
    const sentAtMs = Number(data.toString("latin1", digits, digits + EPOCH_DIGITS));
    // what was sent before this connection was there is a replay
    if (sentAtMs > openedAtMs) onDelay(nowMs - sentAtMs);
  }

  function open(): void {
    checker.reconnect();
    const sentCursor = checker.cursor;
    let isGood = false;
    const fromMs = Date.now();
    stream = openHttpStream({
      port,
      path: `${path}/agui/events?view=raw`,
      headers: sentCursor === null ? {} : { "Last-Event-ID": sentCursor },
      onHead({ status, headers }) {
        onAnswer({ what: `viewer of ${session}`, status, headers, port, fromMs });
        isGood = status === 200;
        openedAtMs = Date.now();
        const replay = headers.get("x-runlog-replay");
        if (replay !== undefined) refusals.push(`${sentCursor} was not taken: ${replay}`);
      },
      onBody(bytes) {
        nowMs = Date.now();
        // a refusal has a body, too
        if (isGood) checker.push(bytes);
      },
    });
    void stream.ended.then(() => {
      if (!stopped) setTimeout(() => !stopped && open(), random.integer(MAX_RETRY_MS));
    });
  }

  open();
  return {
    session,
    get seen() {
      return checker.seen;
    },
    get events() {
      return checker.events;
    },
    get violations() {
      return [...refusals, ...checker.violations];
    },
    stop() {
      stopped = true;
      stream?.close();
    },
  };
}
