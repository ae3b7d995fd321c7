import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { ChildScript } from "../bench/child-script.ts";
import { createDeferred, type Deferred } from "../bench/deadline.ts";
import { inTurn } from "./in-turn.ts";
import { type FailedAnswer, failedAnswer } from "./failed-answer.ts";
import type { RunOver } from "./runner-process.ts";

/** Sessions of which some always have a run. */
export interface KeptRuns {
  /** Ids of the runs that the server has accepted, by session. */
  readonly accepted: ReadonlyMap<string, readonly string[]>;
  readonly finished: number;
  /** Answers to posts, by status. */
  readonly answers: Readonly<Record<string, number>>;
  /** Posts that were answered with a 5xx. */
  readonly failures: readonly FailedAnswer[];
  /** Posts no more; resolves when every session is idle, or rejects after two minutes. */
  stop(): Promise<void>;
}

export interface KeepRunningOptions {
  readonly port: number;
  readonly sessions: readonly KeptSession[];
  readonly runner: ChildScript<RunOver>;
  /** How many of them have a run at a time, which then goes to the next. Default: all. */
  readonly atOnce?: number;
  /** Nobody waits for the runs any more, nor are any posted. */
  readonly signal: AbortSignal;
}

interface KeptSession {
  readonly name: string;
  readonly path: string;
}

const RETRY_MS = 300;
/** The next run is posted then although nothing was heard of the last one. */
const LONGEST_RUN_MS = 60_000;
const IDLE_WITHIN_MS = 120_000;
const ASKED_AT_ONCE = 8;
const NOT_FOUND = 404;

/** Posts a run to each session, or to some of them in turn, and the next one when that is over. */
export function keepRunning(options: KeepRunningOptions): KeptRuns {
  const { port, sessions, runner, atOnce = sessions.length } = options;
  const accepted = new Map<string, string[]>();
  const answers: Record<string, number> = {};
  const failures: FailedAnswer[] = [];
  const waiting = new Map<string, Deferred<void>>();
  let finished = 0;
  const stop = new AbortController();
  const leaving = AbortSignal.any([stop.signal, options.signal]);

  async function hear(): Promise<void> {
    for (;;) {
      const over = await runner.next(2 ** 31 - 1);
      if (over.finished) finished += 1;
      waiting.get(over.session)?.resolve();
    }
  }
  // ends with the runner
  hear().catch(() => {});

  async function post({ name, path }: KeptSession): Promise<boolean> {
    const runId = randomUUID();
    const fromMs = Date.now();
    const messages = [{ id: randomUUID(), role: "user", content: "go" }];
    const response = await fetch(`http://127.0.0.1:${port}${path}/agui/run`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ runId, messages }),
    });
    const text = await response.text();
    const { status, headers } = response;
    if (status >= 500)
      failures.push(
        failedAnswer({ what: `run posted to ${name}`, status, headers, port, fromMs, text }),
      );
    answers[response.status] = (answers[response.status] ?? 0) + 1;
    if (response.status === 200) accepted.get(name)?.push(runId);
    return response.status === 200;
  }

  async function keep(lane: readonly KeptSession[]): Promise<void> {
    for (let at = 0; !leaving.aborted; at += 1) {
      const session = lane[at % lane.length];
      if (!session) return;
      const { name } = session;
      const ended = createDeferred<void>();
      waiting.set(name, ended);
      // while the server starts again nobody answers
      if (await post(session).catch(() => false))
        await Promise.race([ended.promise, sleep(LONGEST_RUN_MS, undefined, { ref: false })]);
      await sleep(RETRY_MS);
    }
  }

  async function isIdle(path: string): Promise<boolean> {
    const response = await fetch(`http://127.0.0.1:${port}${path}`);
    const { status }: { status?: { agentStatus?: string } } = Object(await response.json());
    // no run of it was ever taken
    if (response.status === NOT_FOUND) return true;
    return response.status === 200 && status?.agentStatus !== "working";
  }

  for (const { name } of sessions) accepted.set(name, []);
  const keeping = Array.from({ length: atOnce }, (_, lane) =>
    keep(sessions.filter((_session, index) => index % atOnce === lane)),
  );
  return {
    accepted,
    answers,
    failures,
    get finished() {
      return finished;
    },
    async stop() {
      stop.abort();
      await Promise.all(keeping);
      const deadlineMs = Date.now() + IDLE_WITHIN_MS;
      await inTurn(sessions, ASKED_AT_ONCE, async ({ name, path }) => {
        while (!(await isIdle(path))) {
          if (Date.now() > deadlineMs) throw new Error(`${name} is still working`);
          await sleep(RETRY_MS);
        }
      });
    },
  };
}
