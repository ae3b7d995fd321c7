import { parseCursor } from "../../src/core/model/cursor.ts";
import { createEventFrames } from "../soak/event-frames.ts";
import type { Line } from "./history.ts";
import type { Recorder } from "./recorder.ts";
import { pathOf, type Target } from "./session-calls.ts";

/** A viewer of the raw log, who goes from one replica to another with his cursor. */
export interface Tail {
  /** The cursor of the last event that he has, or null. */
  readonly cursor: string | null;
  /** Follows the log until `to.signal` aborts, the stream ends, or `until` says so. */
  follow(to: Target, until?: (cursor: string) => boolean): Promise<void>;
}

interface Position {
  readonly log: string;
  readonly end: number;
}

export function createTail(recorder: Recorder): Tail {
  let at: Position | null = null;
  const cursorOf = ({ log, end }: Position): string => `${log}-r${end}`;

  /** What the answer says before its first event. */
  function begin(to: Target, invokedAt: number, response: Response): void {
    const full = response.headers.get("X-Runlog-Replay");
    if (full !== null && at) recorder.saw(to, invokedAt, { kind: "gone", log: at.log });
    if (full !== null) at = null;
    if (at)
      recorder.saw(to, invokedAt, {
        kind: "read",
        log: at.log,
        from: at.end,
        lines: [],
        whole: false,
      });
  }

  return {
    get cursor() {
      return at && cursorOf(at);
    },

    async follow(to, until = () => false) {
      const invokedAt = performance.now();
      const leave = new AbortController();
      let batch: Line[] = [];
      let batchFrom = 0;

      function show(): void {
        if (!at || batch.length === 0) return;
        const effect = {
          kind: "read",
          log: at.log,
          from: batchFrom,
          lines: batch,
          whole: false,
        } as const;
        recorder.saw(to, invokedAt, effect);
        batch = [];
        if (until(cursorOf(at))) leave.abort();
      }

      function take(data: Buffer, id: string | null): void {
        const line = recorder.line(data.toString("utf8"));
        const cursor = parseCursor(id ?? "");
        const from = at?.end ?? 0;
        const log = cursor?.logId ?? at?.log ?? "";
        if (!cursor || cursor.offset !== from + line.bytes || (at && at.log !== log))
          recorder.violation(
            `${to.client} on ${to.replica} was sent ${id} behind ${at && cursorOf(at)}: "${line.name}"`,
          );
        if (batch.length === 0) batchFrom = (cursor?.offset ?? 0) - line.bytes;
        batch.push(line);
        at = { log, end: cursor?.offset ?? from };
      }

      const signal = AbortSignal.any([to.signal, leave.signal]);
      try {
        const response = await fetch(
          `${to.origin}${pathOf(recorder.session)}/agui/events?view=raw`,
          { signal, ...(at && { headers: { "Last-Event-ID": cursorOf(at) } }) },
        );
        if (response.status !== 200 || !response.body) {
          await response.text();
          return;
        }
        begin(to, invokedAt, response);
        const frames = createEventFrames({
          onEvent: take,
          onOther: (text) => recorder.violation(`${to.client} was sent what is no event: ${text}`),
        });
        for await (const chunk of response.body) {
          frames.push(Buffer.from(chunk));
          show();
        }
      } catch {
        // the connection broke, or was given up: what had come counts
      }
    },
  };
}
