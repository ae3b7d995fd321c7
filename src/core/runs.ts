import type { Clock } from "../ports/clock.ts";
import { hasCode, RunlogError } from "../ports/errors.ts";
import type { Logger } from "../ports/logger.ts";
import type { LogStore, SessionKey } from "../ports/log-store.ts";
import type { RunnerClient } from "../ports/runner-client.ts";
import type { SessionDirectory } from "../ports/session-directory.ts";
import { hiddenMessage, messagesSnapshot, type ServerEventContext } from "./event.ts";
import { carryRun } from "./run.ts";
import { type Caller, readRunInput, type RunInput } from "./run-input.ts";
import type { SessionLog } from "./session-log.ts";
import type { Sessions } from "./sessions.ts";

export interface RunsOptions {
  readonly store: LogStore;
  readonly sessions: Sessions;
  readonly directory: SessionDirectory;
  readonly runner: RunnerClient;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** The answer to an accepted run. */
interface RunAccepted {
  readonly runId: string;
  readonly threadId: string;
}

export interface Runs {
  /**
   * Admits a run, stores what its caller said, and starts it in the background. Rejects with
   * `invalid-input`, `run-active` (`facts.runId` of the active run) or `log-not-writable`; then
   * nothing was started.
   */
  start(key: SessionKey, body: Uint8Array<ArrayBuffer>, caller: Caller): Promise<RunAccepted>;
  /** Runs that are active now. */
  readonly active: number;
  /** Ends every run with a RUN_ERROR and refuses new ones. Resolves when all are stored. */
  close(): Promise<void>;
}

export function createRuns(options: RunsOptions): Runs {
  const { store, sessions, directory, runner, clock, logger } = options;
  const active = new Map<string, { runId: string; done: Promise<void> }>();
  const shutdown = new AbortController();

  /** Stores what comes before the runner's events, under the mark that outlives a crash. */
  async function admit(log: SessionLog, key: SessionKey, input: RunInput): Promise<string> {
    const { runId, threadId } = input;
    const context: ServerEventContext = { threadId, runId, timestamp: clock.now() };
    const lines = input.hidden.map((messageId) => hiddenMessage(context, messageId));
    if (input.messages.length > 0) lines.push(...messagesSnapshot(context, input.messages));
    let marked: string | null = null;
    try {
      const { logId } = await store.create(key);
      marked = logId;
      await store.markOpen(key, logId, runId, JSON.stringify({ threadId }));
      await log.append(lines, { logId });
      return logId;
    } catch (cause) {
      if (marked !== null) await clearMark(key, marked, runId);
      throw new RunlogError("log-not-writable", "Event log is not writable", { cause });
    }
  }

  async function carry(
    log: SessionLog,
    logId: string,
    input: RunInput,
    caller: Caller,
  ): Promise<void> {
    const { key } = log;
    const { runId, threadId } = input;
    const ended = await carryRun({
      key,
      log,
      logId,
      runId,
      threadId,
      clock,
      logger,
      signal: shutdown.signal,
      connect: async (signal) => {
        const address = await directory.addressOf(key);
        return runner.run({
          key,
          address,
          body: input.body,
          headers: callerHeaders(caller),
          signal,
        });
      },
    });
    // what is still open keeps its mark: a later start finds it there
    if (ended) await clearMark(key, logId, runId);
  }

  async function clearMark(key: SessionKey, logId: string, runId: string): Promise<void> {
    await store.clearOpen(key, logId, runId).catch((error: unknown) => {
      if (!hasCode(error, "log-not-found")) logger.error("run-mark-not-cleared", { ...key, error });
    });
  }

  return {
    get active() {
      return active.size;
    },

    async start(key, body, caller) {
      const input = readRunInput(body, {
        defaultThreadId: key.session,
        caller,
        newId: () => crypto.randomUUID(),
      });
      if (shutdown.signal.aborted) throw new RunlogError("overloaded", "Server is shutting down");
      const id = `${key.project}/${key.session}`;
      const other = active.get(id);
      if (other)
        throw new RunlogError(
          "run-active",
          "Too many runs are waiting; the session is not available for another one",
          { runId: other.runId },
        );
      const { runId, threadId } = input;
      let finish = (): void => {};
      active.set(id, { runId, done: new Promise((resolve) => (finish = resolve)) });
      const use = sessions.use(key);
      const free = (): void => {
        active.delete(id);
        use.release();
        finish();
      };
      try {
        const logId = await admit(use.log, key, input);
        void carry(use.log, logId, input, caller).finally(free);
      } catch (error) {
        free();
        throw error;
      }
      return { runId, threadId };
    },

    async close() {
      shutdown.abort();
      await Promise.all([...active.values()].map((slot) => slot.done));
    },
  };
}

function callerHeaders({ userId, userName }: Caller): Record<string, string> {
  const headers: Record<string, string> = {};
  // a header holds no control characters and no text beyond Latin-1
  if (userId !== null) headers["X-Current-User-ID"] = encodeHeader(userId);
  if (userName !== null) headers["X-Current-User-Name"] = encodeHeader(userName);
  return headers;
}

function encodeHeader(text: string): string {
  return /^[\u0020-\u007e]*$/.test(text) ? text : encodeURIComponent(text);
}
