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

/** What the profile says itself, where a log does not say what clients need: ends, errors, whole runs. */
export class SyntheticEvents {
  readonly #options: SyntheticEventsOptions;

  constructor(options: SyntheticEventsOptions) {
    this.#options = options;
  }

  /** The end of a run, by the event that the log has of it, if it has one. */
  finished(
    { runId, threadId }: RunIds,
    line: ParsedEvent = ParsedEvent.of({ type: "RUN_FINISHED" }),
  ): void {
    const repaired = repairEvent(line, "RUN_FINISHED", this.#options.dialect) ?? line;
    const isWhole = repaired.text("runId") === runId && repaired.text("threadId") === threadId;
    const ids = { runId: JSON.stringify(runId), threadId: JSON.stringify(threadId) };
    this.#options.emit(isWhole ? repaired : repaired.with(ids));
  }

  /** The end of a run by its last error; null is one that was cut off. */
  failed({ runId, threadId }: RunIds, error: ParsedEvent | null): void {
    const { dialect, emit } = this.#options;
    const repaired = repairEvent(error ?? cutOff(), "RUN_ERROR", dialect) ?? cutOff();
    const changes: Record<string, string> = {};
    if ((repaired.text("runId") ?? runId) !== runId) changes["runId"] = JSON.stringify(runId);
    if ((repaired.text("threadId") ?? threadId) !== threadId)
      changes["threadId"] = JSON.stringify(threadId);
    emit(Object.keys(changes).length === 0 ? repaired : repaired.with(changes));
  }

  /** The same where the run, for its client, goes on or ends well. */
  errorWithin(error: ParsedEvent | null): void {
    const repaired = repairEvent(error ?? cutOff(), "RUN_ERROR", this.#options.dialect);
    const code = repaired?.text("code") ?? null;
    const message = repaired?.text("message") ?? CUT.message;
    this.custom("runlog:run-error", code === null ? { message } : { message, code });
  }

  custom(name: string, value: unknown): void {
    this.#options.emit(ParsedEvent.of({ type: "CUSTOM", name, value }));
  }

  /** A run of its own that tells messages. */
  *runOf(threadId: string, messages: readonly Message[]): Steps {
    const { dialect, emit } = this.#options;
    const ids = newRun(threadId);
    const started = ParsedEvent.of({ type: "RUN_STARTED" });
    emit(yield* repairRunStarted(started, ids, messages, dialect));
    emit(ParsedEvent.of({ type: "RUN_FINISHED", ...ids }));
  }

  /** A run that empties a client that holds messages already: what it is sent would come on top. */
  resettingRun(threadId: string): void {
    const { emit } = this.#options;
    const ids = newRun(threadId);
    emit(ParsedEvent.of({ type: "RUN_STARTED", ...ids }));
    emit(ParsedEvent.of({ type: "MESSAGES_SNAPSHOT", messages: [] }));
    emit(ParsedEvent.of({ type: "STATE_SNAPSHOT", snapshot: {} }));
    emit(ParsedEvent.of({ type: "RUN_FINISHED", ...ids }));
  }
}

/** The ids of a run that no log has. */
export function newRun(threadId: string): RunIds {
  return { threadId, runId: `runlog-${crypto.randomUUID()}` };
}

function cutOff(): ParsedEvent {
  return ParsedEvent.of({ type: "RUN_ERROR", ...CUT });
}
