import type { SessionKey } from "../../ports/log-store.ts";
import { formatCursor } from "../model/cursor.ts";
import type { ErrorDetails } from "./error-details.ts";
import type { RunNotice } from "./run-notices.ts";

export interface NoticeContext {
  readonly key: SessionKey;
  readonly logId: string;
  /** The run's thread, or null where it is not known. */
  readonly threadId: string | null;
  /** Of a failed run, else null. */
  readonly error: ErrorDetails | null;
  /** When the notice is made, epoch ms. */
  readonly nowMs: number;
}

/** The body of a notice, as it is sent and signed (PROTOCOL 22.2). */
export function noticeBody(notice: RunNotice, context: NoticeContext): string {
  const { error, key, logId, nowMs, threadId } = context;
  const { ended, line, runId, toolCallId, type } = notice;
  return JSON.stringify({
    type,
    timestamp: new Date(nowMs).toISOString(),
    data: {
      ...key,
      runId,
      threadId,
      ended,
      cursor: formatCursor({ log: "raw", logId, offset: line.end }),
      ...(toolCallId !== null && { toolCallId }),
      ...(error && { error }),
    },
  });
}
