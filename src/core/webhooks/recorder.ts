import type { Clock } from "../../ports/clock.ts";
import { isSameLog } from "../../ports/log-id.ts";
import type { Logger } from "../../ports/logger.ts";
import type { LogStore, OpenRunMark, SessionKey } from "../../ports/log-store.ts";
import { BoundedMap } from "../../stream/sync/bounded-map.ts";
import { markedRun } from "../log/open-run-marks.ts";
import { readFacts } from "../log/scan-event-facts.ts";
import { EMPTY_STATE, findRun } from "../model/session-state.ts";
import type { SessionEvents, StoredEvents } from "../session/session-events.ts";
import type { Address } from "./addresses.ts";
import { detailsIn, type ErrorDetails, ErrorDetailsReader } from "./error-details.ts";
import { noticeBody } from "./notice-body.ts";
import type { Outbox } from "./outbox.ts";
import { noticeId, noticeStep, type RunNotice } from "./run-notices.ts";
import type { Sender } from "./sender.ts";

export interface RecorderOptions {
  readonly outbox: Pick<Outbox, "put">;
  readonly sender: Pick<Sender, "add" | "isFull" | "isGone">;
  readonly addresses: readonly Address[];
  readonly store: LogStore;
  readonly events: Pick<SessionEvents, "on">;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Puts notices into the outbox. */
export interface Recorder {
  /**
   * Resolves when the notice of the run's end is in the outbox, if it has ended: its mark may go. What this process
   * did not see is read from the log. Rejects where it could not be stored.
   */
  settled(mark: OpenRunMark): Promise<void>;
  /** Puts what another process may not have put any more of a run that is taken up. Never rejects. */
  recover(mark: OpenRunMark): Promise<void>;
  /** Resolves when nothing is being put. */
  idle(): Promise<void>;
}

/** Runs of which it is remembered that their notices were put; for others the log is read. */
const MOST_KNOWN = 10_000;
/** Notices that are being put at once. What comes then is put when the run's mark is to go. */
const MOST_PENDING = 1_000;
/** Of a longer RUN_ERROR the details are left out. */
const MAX_ERROR_BYTES = 64 * 1024;

/** Where a notice belongs. */
interface NoticeOf {
  readonly key: SessionKey;
  readonly logId: string;
  readonly threadId: string | null;
  readonly error: ErrorDetails | null;
}

export function createRecorder(options: RecorderOptions): Recorder {
  const { addresses, clock, events, logger, outbox, sender, store } = options;
  const known = new BoundedMap<string, Promise<unknown>>(MOST_KNOWN);
  const pending = new Set<Promise<unknown>>();

  async function put(notice: RunNotice, { key, logId, threadId, error }: NoticeOf): Promise<void> {
    const id = noticeId(logId, notice);
    const nowMs = clock.now();
    const body = noticeBody(notice, { key, logId, threadId, error, nowMs });
    const { runId, type } = notice;
    for (const address of addresses) {
      if (sender.isGone(address)) continue;
      if (sender.isFull) {
        const facts = { ...key, id, runId, type, address: address.origin };
        logger.error("webhook-notice-dropped", { ...facts, reason: "outbox-full" });
        continue;
      }
      const name = { id, address: address.hash };
      await outbox.put(name, { createdAtMs: nowMs, type, body });
      sender.add(name);
    }
  }

  /** Puts it in the background. */
  function note(notice: RunNotice, of: NoticeOf): void {
    const { key, logId } = of;
    const run = idOf({ ...key, logId, runId: notice.runId ?? "" });
    const putting =
      pending.size < MOST_PENDING
        ? put(notice, of)
        : Promise.reject(new Error("Too many notices are being stored"));
    const all = Promise.all([known.get(run), putting]);
    all.catch((error: unknown) =>
      logger.warn("webhook-notice-not-stored", { ...key, runId: notice.runId, error }),
    );
    if (notice.ended) known.set(run, all);
    pending.add(putting);
    void putting.catch(() => {}).finally(() => pending.delete(putting));
  }

  function onTurned({ before, events: stored, key, lines, logId, start }: StoredEvents): void {
    let state = before;
    let at = start;
    for (const event of stored) {
      const step = noticeStep(state, event, at);
      for (const notice of step.notices) {
        const line = { start: notice.line.start - start, end: notice.line.end - start };
        const error = hasDetails(notice) ? detailsIn(lines, line) : null;
        const threadId = findRun(step.state, notice.runId ?? "")?.threadId || null;
        note(notice, { key, logId, threadId, error });
      }
      ({ state } = step);
      at += event.bytes;
    }
  }

  /** What the log says of the run since it was marked: its end, else that it waits. */
  async function noticesOf(mark: OpenRunMark, logId: string, end: number): Promise<RunNotice[]> {
    const { from, startsAt = from } = markedRun(mark);
    let at = startsAt ?? 0;
    let state = { ...EMPTY_STATE, offset: at };
    const ends: RunNotice[] = [];
    let asks: RunNotice | null = null;
    if (at >= end) return ends;
    for await (const event of readFacts(store, mark, { logId, start: at, end })) {
      const step = noticeStep(state, event, at);
      for (const notice of step.notices) {
        if (notice.runId !== mark.runId) continue;
        if (notice.ended) ends.push(notice);
        else asks = notice;
      }
      ({ state } = step);
      at += event.bytes;
    }
    return ends.length === 0 && asks && state.status === "waiting_input" ? [asks] : ends;
  }

  async function putFound(mark: OpenRunMark): Promise<void> {
    const { project, session } = mark;
    const key = { project, session };
    const stat = await store.stat(key);
    if (!stat || !isSameLog(stat.logId, mark.logId)) return;
    const { logId } = stat;
    const { threadId } = markedRun(mark);
    for (const notice of await noticesOf(mark, logId, stat.end.raw)) {
      const error = hasDetails(notice) ? await readDetails(key, logId, notice) : null;
      await put(notice, { key, logId, threadId, error });
    }
  }

  async function readDetails(
    key: SessionKey,
    logId: string,
    { line }: RunNotice,
  ): Promise<ErrorDetails> {
    const reader = new ErrorDetailsReader();
    for await (const chunk of store.read(key, { logId, ...line })) reader.push(chunk);
    return reader.details;
  }

  events.on("run-turned", onTurned);
  return {
    async settled(mark) {
      const run = idOf(mark);
      const putting = known.get(run);
      try {
        await (putting ?? putFound(mark));
      } finally {
        // what failed is made of the log the next time
        if (known.get(run) === putting) known.delete(run);
      }
    },

    async recover(mark) {
      await putFound(mark).catch((error: unknown) => {
        const { project, runId, session } = mark;
        logger.warn("webhook-notice-not-stored", { project, session, runId, error });
      });
    },

    async idle() {
      await Promise.allSettled(pending);
    },
  };
}

function hasDetails({ line, type }: RunNotice): boolean {
  return type === "run.failed" && line.end - line.start <= MAX_ERROR_BYTES;
}

function idOf({ logId, project, runId, session }: Omit<OpenRunMark, "data">): string {
  return JSON.stringify([project, session, logId, runId]);
}
