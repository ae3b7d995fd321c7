import type { Steps } from "../../stream/sync/steps.ts";
import type { Dialect } from "./repair/dialect.ts";
import { ParsedEvent } from "./repair/parsed-event.ts";
import { repairEvent } from "./repair/repair-event.ts";
import type { Message } from "./repair/repair-message.ts";
import { repairRunStarted, type RunIds } from "./repair/repair-run-started.ts";

export interface SyntheticEventsOptions {
  readonly dialect: Dialect;
  readonly emit: (line: ParsedEvent) => void;
}

const CUT = { message: "The run ended without a terminal event", code: "runlog-run-cut" };

/** Events that no log has and clients need: ends of runs, errors, whole runs. */
export class SyntheticEvents {
  readonly #options: SyntheticEventsOptions;

  constructor(options: SyntheticEventsOptions) {
    this.#options = options;
  }

  /** Sends the end of a run, with the members of the log's event if there is one. */
  finished(
    { runId, threadId }: RunIds,
    line: ParsedEvent = ParsedEvent.of({ type: "RUN_FINISHED" }),
  ): void {
    const repaired = repairEvent(line, "RUN_FINISHED", this.#options.dialect) ?? line;
    const isWhole = repaired.text("runId") === runId && repaired.text("threadId") === threadId;
    const ids = { runId: JSON.stringify(runId), threadId: JSON.stringify(threadId) };
    this.#options.emit(isWhole ? repaired : repaired.with(ids));
  }

  /** Sends the end of a run that failed with its last error; null for a run that was cut off. */
  failed({ runId, threadId }: RunIds, error: ParsedEvent | null): void {
    const { dialect, emit } = this.#options;
    const repaired = repairEvent(error ?? cutOff(), "RUN_ERROR", dialect) ?? cutOff();
    const changes: Record<string, string> = {};
    if ((repaired.text("runId") ?? runId) !== runId) changes["runId"] = JSON.stringify(runId);
    if ((repaired.text("threadId") ?? threadId) !== threadId)
      changes["threadId"] = JSON.stringify(threadId);
    emit(Object.keys(changes).length === 0 ? repaired : repaired.with(changes));
  }

  /** Sends the error as a CUSTOM event, where the run goes on or ends well for its client. */
  errorWithin(error: ParsedEvent | null): void {
    const repaired = repairEvent(error ?? cutOff(), "RUN_ERROR", this.#options.dialect);
    const code = repaired?.text("code") ?? null;
    const message = repaired?.text("message") ?? CUT.message;
    this.custom("runlog:run-error", code === null ? { message } : { message, code });
  }

  custom(name: string, value: unknown): void {
    this.#options.emit(ParsedEvent.of({ type: "CUSTOM", name, value }));
  }

  /** Sends a synthetic run that contains messages. */
  *runOf(threadId: string, messages: readonly Message[]): Steps {
    const { dialect, emit } = this.#options;
    const ids = newRun(threadId);
    const started = ParsedEvent.of({ type: "RUN_STARTED" });
    emit(yield* repairRunStarted(started, ids, { messages, posted: null, dialect }));
    emit(ParsedEvent.of({ type: "RUN_FINISHED", ...ids }));
  }

  /**
   * Sends a synthetic run that empties a client that holds messages already; otherwise it would
   * keep them.
   */
  resettingRun(threadId: string): void {
    const { emit } = this.#options;
    const ids = newRun(threadId);
    emit(ParsedEvent.of({ type: "RUN_STARTED", ...ids }));
    emit(ParsedEvent.of({ type: "MESSAGES_SNAPSHOT", messages: [] }));
    emit(ParsedEvent.of({ type: "STATE_SNAPSHOT", snapshot: {} }));
    emit(ParsedEvent.of({ type: "RUN_FINISHED", ...ids }));
  }
}

/** The ids of a synthetic run. */
export function newRun(threadId: string): RunIds {
  return { threadId, runId: `runlog-${crypto.randomUUID()}` };
}

function cutOff(): ParsedEvent {
  return ParsedEvent.of({ type: "RUN_ERROR", ...CUT });
}
