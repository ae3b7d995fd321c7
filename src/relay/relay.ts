import type { Clock } from "../ports/clock.ts";
import { createLogId } from "../ports/log-id.ts";
import type { Logger } from "../ports/logger.ts";
import type { RelaySpool } from "../ports/relay-spool.ts";
import { createStreamPacer } from "../stream/sse/paced-stream.ts";
import { pause, settledWithin } from "../stream/sync/pause.ts";
import { systemClock } from "../stream/sync/system-clock.ts";
import { type AgentFetch, createAgent } from "./agent.ts";
import { createAnswers } from "./answers.ts";
import { Recording } from "./recording.ts";
import { Runs } from "./runs.ts";
import { SpoolRoom } from "./spool-room.ts";
import { Threads } from "./threads.ts";

export interface RelayOptions {
  /** Makes the requests to the agent; an agent in this process answers them itself. */
  readonly fetch: AgentFetch;
  /** Where streams are kept until they are acknowledged. */
  readonly spool: RelaySpool;
  /** The agent's address: where runs are posted. Default `http://agent/`. */
  readonly agent?: string;
  /** Most bytes in the spool, default 256 MiB. When it is full the agent is not read. */
  readonly maxBytes?: number;
  /** What callers have to send as `X-Ambient-Session-Token`, read for each request. Default: nothing. */
  readonly sessionToken?: () => Promise<string>;
  /** Longest silence in ms of a stream, default 10 s: then a comment is sent. */
  readonly heartbeatMs?: number;
  /** How long in ms a client may take over one chunk before its stream is broken off, default 60 s. */
  readonly writeDeadlineMs?: number;
  /** How long in ms what has ended, or is not read, is kept without being acknowledged; default 1 h. */
  readonly keepMs?: number;
  /** Default: the machine's. */
  readonly clock?: Clock;
  /** Default: nothing is logged. */
  readonly logger?: Pick<Logger, "warn" | "error">;
}

export interface Relay {
  /** Answers a request as the agent would, and those of a resumable runner. Never rejects. */
  readonly fetch: (request: Request) => Promise<Response>;
  /**
   * Refuses further runs, waits up to `drainMs` (default 0) for those that are open, breaks off what is
   * still open after that, and lets the spool go.
   */
  close(options?: { readonly drainMs?: number }): Promise<void>;
}

const MIB = 1024 * 1024;
const HOUR_MS = 3_600_000;
const EXPIRE_EVERY_MS = 10_000;
/** Readers of a relay that ends have so long for the rest. */
const LAST_READ_MS = 1_000;

/**
 * A relay in front of an agent that forgets: it makes a resumable runner of it (PROTOCOL, "What a runner
 * can offer"). All that the agent sends in answer to a run goes through the spool and gets an id on its
 * way; clients read the spool, so that none of them can disturb the agent or lose a part by going away.
 *
 * - `answers.ts` answers requests; `agent.ts` asks the agent; `pass-through.ts` what stays as it is.
 * - `runs.ts`, `threads.ts` what is recorded under which id; `run-request.ts` reads which run is posted.
 * - `recording.ts` one stream; `frame-stamper.ts` its ids; `recording-reader.ts` who reads it.
 * - `spool-room.ts` the bound of them all, and what goes when it is reached (decision 027).
 *
 * @example
 * ```ts
 * import { createMemorySpool, createRelay } from "runlog/relay";
 *
 * const relay = await createRelay({
 *   fetch: (url, init) => agent(new Request(url, init)),
 *   spool: createMemorySpool(),
 * });
 * export default { fetch: relay.fetch };
 * ```
 */
export async function createRelay(options: RelayOptions): Promise<Relay> {
  const { fetch, spool, agent: address = "http://agent/", maxBytes = 256 * MIB } = options;
  const { clock = systemClock, logger = SILENT, keepMs = HOUR_MS } = options;
  const { heartbeatMs = 10_000, writeDeadlineMs = 60_000, sessionToken = null } = options;
  const agent = createAgent(address, fetch);
  const room = new SpoolRoom(maxBytes);
  const context = { room, clock, logger };
  // its end is random
  const newTag = (): string => createLogId(clock.now()).slice(-8);
  const parts = { agent, spool, context, newTag };
  const runs = new Runs(parts);
  const threads = new Threads(parts);
  const bodies = {
    room,
    create: () => spool.create({ kind: "body", id: "", threadId: null, tag: newTag() }),
  };
  const pacer = createStreamPacer({ now: () => clock.now(), heartbeatMs, writeDeadlineMs });
  let isClosing = false;

  for (const log of await spool.recover()) {
    if (log.info.kind === "body") await log.remove();
    else {
      const recording = await Recording.recover(log, context);
      if (log.info.kind === "run") await runs.recover(recording);
      else threads.recover(recording);
    }
  }
  const timers = [
    clock.every(1_000, () => pacer.tick()),
    clock.every(EXPIRE_EVERY_MS, () => {
      const beforeMs = clock.now() - keepMs;
      void runs.expire(beforeMs);
      void threads.expire(beforeMs);
    }),
  ];

  const answer = createAnswers({
    agent,
    runs,
    threads,
    bodies,
    pacer,
    clock,
    logger,
    sessionToken,
    isClosing: () => isClosing,
  });

  return {
    fetch: answer,

    async close({ drainMs = 0 } = {}) {
      isClosing = true;
      await settledWithin(drainMs, clock, runs.settled());
      threads.stop();
      await settledWithin(LAST_READ_MS, clock, runs.stop());
      const deadlineMs = clock.now() + LAST_READ_MS;
      while (pacer.open > 0 && clock.now() < deadlineMs) await pause(10, clock, null);
      pacer.endAll();
      for (const cancel of timers) cancel();
      await spool.close();
    },
  };
}

const SILENT: Pick<Logger, "warn" | "error"> = { warn() {}, error() {} };
