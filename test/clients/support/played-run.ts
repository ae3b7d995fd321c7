import { openRunner, SessionClient } from "../../contract/session-routes/harness.ts";
import type { ScriptedExchange } from "../../contract/runner-client.ts";
import type { FakeRunner } from "../../support/fake-runner.ts";
import { freshRunner } from "../../support/server-process.ts";
import { waitFor } from "../../support/wait-for.ts";
import { type Runlog, startRunlog } from "./runlog.ts";

/** A session whose agent a test plays. */
export interface PlayedSession {
  readonly runlog: Runlog;
  readonly runner: FakeRunner;
  readonly client: SessionClient;
  /** Resolves when what `start` does has made the runner begin a run; rejects if it does not. */
  readonly run: (start: () => Promise<unknown>) => Promise<PlayedRun>;
}

/** A run, as its runner sees it. */
export interface PlayedRun {
  /** The RunAgentInput that it was given. */
  readonly input: Readonly<Record<string, unknown>>;
  /** Resolves when its connection is closed. */
  readonly closed: Promise<void>;
  /** Sends events; those of a run get its ids. */
  send(...events: readonly Readonly<Record<string, unknown>>[]): Promise<void>;
  /** Sends the rest and ends the answer. */
  finish(...events: readonly Readonly<Record<string, unknown>>[]): Promise<void>;
}

/**
 * Starts runlog for the session `s1` of a project; all goes with the test. `env`: further settings, or what makes them of the
 * runner's address.
 */
export async function startPlayedSession(
  env: Record<string, string> | ((runnerUrl: string) => Record<string, string>) = {},
  project = "p1",
): Promise<PlayedSession> {
  const runner = await freshRunner();
  const settings = typeof env === "function" ? env(runner.address) : env;
  const runlog = await startRunlog({ runnerUrl: runner.address, env: settings });
  const harness = { fetch: runlog.fetch, runner, dispose: async () => {} };
  return {
    runlog,
    runner,
    client: new SessionClient(harness, "s1", project),
    async run(start) {
      let arrived: ScriptedExchange | null = null;
      const opening = openRunner(harness, start).then((opened) => {
        arrived = opened;
      });
      const seen = waitFor((): ScriptedExchange | null => arrived, { what: "a run at the runner" });
      await Promise.race([opening, seen]);
      const exchange = await seen;
      const input = JSON.parse(new TextDecoder().decode(exchange.request.body)) as {
        threadId: string;
        runId: string;
      };
      const { threadId, runId } = input;
      const send: PlayedRun["send"] = async (...events) => {
        for (const event of events) {
          const ids = String(event["type"]).startsWith("RUN_") ? { threadId, runId } : {};
          await exchange.write(`data: ${JSON.stringify({ ...event, ...ids })}\n\n`);
        }
      };
      await send({ type: "RUN_STARTED" });
      return {
        input,
        closed: exchange.closed,
        send,
        async finish(...events) {
          const ends = events.at(-1)?.["type"] === "RUN_FINISHED";
          await send(...events, ...(ends ? [] : [{ type: "RUN_FINISHED" }]));
          await exchange.end();
        },
      };
    },
  };
}

/** The beginning of an answer, what it says next, and its end. */
export const answer = (messageId: string) => ({
  start: { type: "TEXT_MESSAGE_START", messageId, role: "assistant" },
  text: (delta: string) => ({ type: "TEXT_MESSAGE_CONTENT", messageId, delta }),
  end: { type: "TEXT_MESSAGE_END", messageId },
});

/** A tool call with a result of so many characters. */
export const call = (toolCallId: string, resultChars: number) => [
  { type: "TOOL_CALL_START", toolCallId, toolCallName: "read" },
  { type: "TOOL_CALL_ARGS", toolCallId, delta: "{}" },
  { type: "TOOL_CALL_END", toolCallId },
  {
    type: "TOOL_CALL_RESULT",
    toolCallId,
    messageId: `result-${toolCallId}`,
    content: "x".repeat(resultChars),
  },
];
