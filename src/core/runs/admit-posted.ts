import { hasCode, RunlogError, type RunlogErrorCode } from "../../ports/errors.ts";
import { agentChoice } from "../documents/session-agent.ts";
import { RunsEndedError } from "../model/run-end-reasons.ts";
import { admit, type Admission } from "../session/admission.ts";
import { endLeftRun } from "./end-left-run.ts";
import { postedEvents } from "./posted-events.ts";
import type { QueuedRun } from "./queued-run.ts";
import type { QueuedRunMarks } from "./queued-run-marks.ts";
import type { RunQueueOptions } from "./run-queue-options.ts";
import type { RunAccepted, RunRequest } from "./run-request.ts";

/** Refusals of a run that a client can do something about. */
const REFUSALS = [
  // rethrown as it is: the caller's next attempt may meet the process that has the session
  "log-not-owned",
  "agent-not-found",
  "agent-conflict",
  "agent-not-configured",
] as const satisfies RunlogErrorCode[];

interface PostedRun {
  readonly entry: QueuedRun;
  readonly request: RunRequest;
}

interface QueueState {
  /** Aborts when the session's runs are ended. */
  readonly stop: AbortSignal;
  /** Whether another run comes before it. */
  readonly waits: () => boolean;
}

/**
 * Has the session admit a posted run. One run of the session at a time. Rejects as `RunQueue.admit`; then nothing
 * was started. The entry has the run's log where something was stored.
 */
export async function admitPosted(
  options: RunQueueOptions,
  marks: QueuedRunMarks,
  { entry, request }: PostedRun,
  { stop, waits }: QueueState,
): Promise<RunAccepted> {
  const { events, platform, session } = options;
  const { runId, threadId } = request.input;
  if (stop.aborted) throw new RunsEndedError();
  options.assertRoom();
  await endLeftRun(options, { runId, threadId });
  const posted = { entry, request };
  const { logId, known, knownEnd } = await admission(options, marks, posted, waits).catch(
    (cause: unknown) => {
      if (hasCode(cause, ...REFUSALS)) throw cause;
      if (stop.aborted) throw new RunsEndedError({ cause });
      throw new RunlogError("log-not-writable", "Event log is not writable", { cause });
    },
  );
  if (known) return { runId, threadId: known.threadId || threadId };
  entry.logId = logId;
  entry.knownEnd = knownEnd;
  entry.body.release();
  platform.noteActivity(session.key, "event");
  events.emit("run-admitted", { key: session.key, runId, threadId, logId });
  return { runId, threadId };
}

/**
 * The run's session has an agent for it, and then the run. The mark of a run that waits records that, so that it is
 * known after a crash that the run never began; its body is put aside.
 */
async function admission(
  options: RunQueueOptions,
  marks: QueuedRunMarks,
  { entry, request: { agent, input } }: PostedRun,
  waits: () => boolean,
): Promise<Admission> {
  const { directory, session } = options;
  const { runId, threadId } = input;
  const choose = await agentChoice(directory, session.key, agent);
  const mark = {
    set: (logId: string, from: number) =>
      marks.set(entry, logId, { threadId: entry.threadId, from, waits: waits() }),
    clear: (logId: string) => marks.clear(logId, runId),
    release: (logId: string) => marks.release(logId, runId),
  };
  return admit(session, { runId, threadId, mark }, async (logId) => {
    await choose?.();
    if (entry.mark.waits === true) await entry.body.putAside(logId);
    return postedEvents(input, options);
  });
}
