import type { Clock } from "../../src/ports/clock.ts";
import type { JsonObject } from "./input.ts";
import type { TimedEvent } from "./play.ts";

export interface PaceOptions {
  readonly clock: Clock;
  /** Delays are divided by it. */
  readonly speed: number;
  /** Called with each event right before it is sent. */
  readonly onEvent: (event: JsonObject) => void;
  /** Called once, when the stream has ended or was cancelled. */
  readonly onEnd: () => void;
}

/** A play under way. */
export interface PacedPlay {
  /** SSE, one frame a chunk. */
  readonly stream: ReadableStream<Uint8Array>;
  /** Ends the play with RUN_ERROR `interrupted` in place of the event that was next. */
  readonly interrupt: () => void;
}

const INTERRUPTED: JsonObject = {
  type: "RUN_ERROR",
  message: "The run was interrupted",
  code: "interrupted",
};

/**
 * Sends `events` as SSE at their pace, each stamped with the clock's time. Pull-driven: while nobody
 * reads, no time passes in the play. Cancelling the stream ends it.
 */
export function paceEvents(
  events: Generator<TimedEvent, void, void>,
  options: PaceOptions,
): PacedPlay {
  const { clock, speed, onEvent, onEnd } = options;
  const encoder = new TextEncoder();
  let ending: "interrupted" | "cancelled" | undefined;
  let wake: (() => void) | undefined;

  function pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const cancelTimer = clock.after(ms, resolve);
      wake = () => {
        cancelTimer();
        resolve();
      };
    });
  }

  function frame(event: JsonObject): Uint8Array {
    onEvent(event);
    const json = JSON.stringify({ ...event, timestamp: Math.trunc(clock.now()) });
    return encoder.encode(`data: ${json}\n\n`);
  }

  const stream = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const next = ending === undefined ? events.next().value : undefined;
        if (next !== undefined && next.afterMs > 0) await pause(next.afterMs / speed);
        if (ending === "cancelled") return;
        if (next !== undefined && ending === undefined) {
          controller.enqueue(frame(next.event));
          return;
        }
        if (ending === "interrupted") controller.enqueue(frame(INTERRUPTED));
        onEnd();
        controller.close();
      },
      cancel() {
        ending = "cancelled";
        wake?.();
        onEnd();
      },
    },
    { highWaterMark: 0 },
  );

  return {
    stream,
    interrupt() {
      ending ??= "interrupted";
      wake?.();
    },
  };
}
