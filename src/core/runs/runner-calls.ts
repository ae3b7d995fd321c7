import type { Caller } from "../../ports/authorizer.ts";
import { RunlogError } from "../../ports/errors.ts";
import type { SessionKey } from "../../ports/log-store.ts";
import type { RunQueueOptions } from "./run-queue-options.ts";
import type { RunsOptions } from "./runs-options.ts";

/** Where runners are, and how they are called. */
export type RunnerPorts = Pick<RunsOptions, "clock" | "directory" | "logger" | "runner">;

/** How long in ms a runner may take that is told that it may forget a run. */
const ACKNOWLEDGE_MS = 2_000;
/** How long in ms a runner may take of which it is not known that it takes runs up. */
const UNKNOWN_WAIT_MS = 2_000;

/** What a session's runner is asked for the sake of a run. */
export function runnerCalls(
  options: RunsOptions,
  key: SessionKey,
): Pick<RunQueueOptions, "acknowledge" | "connect" | "resume"> {
  const { directory, runner } = options;
  return {
    async connect({ body, caller, headers: forwarded }, signal) {
      const address = await directory.addressOf(key);
      const headers = { ...forwarded, ...callerHeaders(caller) };
      return runner.run({ key, address, headers, body: await body.load(signal), signal });
    },

    async resume({ runId, isResumable }, after, signal) {
      if (!runner.resume)
        throw new RunlogError("runner-refused", "no run can be taken up", { status: 404 });
      const address = await directory.addressOf(key);
      const timeout = isResumable ? {} : { timeoutMs: UNKNOWN_WAIT_MS };
      return runner.resume({ key, address, runId, after, signal, ...timeout });
    },

    acknowledge: (runId) => acknowledgeRun(options, key, { runId }),
  };
}

/** Tells a runner that all of a run is stored, or that nobody wants the rest. Never rejects. */
export async function acknowledgeRun(
  { clock, directory, logger, runner }: RunnerPorts,
  key: SessionKey,
  { runId, agent = null }: { readonly runId: string; readonly agent?: string | null },
): Promise<void> {
  const stop = new AbortController();
  const cancel = clock.after(ACKNOWLEDGE_MS, () => stop.abort());
  try {
    const address = await directory.addressOf(key, agent);
    const path = `runs/${encodeURIComponent(runId)}`;
    const { signal } = stop;
    const call = {
      key,
      address,
      method: "DELETE",
      path,
      timeoutMs: ACKNOWLEDGE_MS,
      signal,
    } as const;
    const { body } = await runner.call(call);
    await body?.cancel();
  } catch (error) {
    // it forgets the run by itself, some time after its end
    logger.info("run-not-acknowledged", { ...key, runId, error });
  } finally {
    cancel();
  }
}

/** What a runner is told of the caller of its run. */
export function callerHeaders({ userId, userName, token }: Caller): Record<string, string> {
  const headers: Record<string, string> = {};
  // a header holds no control characters and no text beyond Latin-1
  if (userId !== null) headers["X-Current-User-ID"] = encodeHeader(userId);
  if (userName !== null) headers["X-Current-User-Name"] = encodeHeader(userName);
  // the agent acts for its user with the user's rights; the token is sent to nobody else
  if (userId !== null && token !== null) headers["X-Caller-Token"] = `Bearer ${token}`;
  return headers;
}

function encodeHeader(text: string): string {
  return /^[\u0020-\u007e]*$/.test(text) ? text : encodeURIComponent(text);
}
