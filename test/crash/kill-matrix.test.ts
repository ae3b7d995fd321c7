import { describe, expect, it } from "vitest";
import type { ScriptedExchange } from "../contract/runner-client.ts";
import {
  finishedEvent,
  runBody,
  type SessionClient,
  startedEvent,
  tell,
} from "../contract/session-routes/harness.ts";
import type { FakeRunner } from "../support/fake-runner.ts";
import { startRunnerProcess } from "../support/runner-process.ts";
import { freshDir, freshRunner, sessionOf, startServer } from "../support/server-process.ts";
import { waitFor } from "../support/wait-for.ts";

const RUN = "killed";
const TEXT = [
  '{"type":"TEXT_MESSAGE_START","messageId":"m","role":"assistant"}',
  '{"type":"TEXT_MESSAGE_CONTENT","messageId":"m","delta":"half a sen"}',
];
const TOOL_CALL = [
  '{"type":"TOOL_CALL_START","toolCallId":"t","toolCallName":"Bash"}',
  '{"type":"TOOL_CALL_ARGS","toolCallId":"t","delta":"{\\"command\\":"}',
];

/** What a runner says that goes on as if nothing had been. */
const NEXT = [startedEvent("next"), finishedEvent("next")];

/** What the runner has sent when the fault comes. */
const STAGES: Readonly<Record<string, readonly string[]>> = {
  "before RUN_STARTED": [],
  "in mid-text": [startedEvent(RUN), ...TEXT],
  "in mid-tool-call": [startedEvent(RUN), ...TOOL_CALL],
  "after RUN_FINISHED": [startedEvent(RUN), finishedEvent(RUN)],
};

/** What happens to the runner's answer then. */
const RUNNER_FAULTS: Readonly<Record<string, (exchange: ScriptedExchange) => Promise<void>>> = {
  "the runner ends its answer": (exchange) => exchange.end(),
  "the runner's connection breaks": (exchange) => exchange.breakOff(),
  "the runner breaks off within a frame": async (exchange) => {
    await exchange.write('data: {"type":"TEXT_MESSAGE_CONTENT","del');
    await exchange.breakOff();
  },
};

/** Posts the run; resolves when `events` are in the log and the runner's answer is still open. */
async function runUpTo(
  session: SessionClient,
  runner: FakeRunner,
  events: readonly string[],
): Promise<ScriptedExchange> {
  const arrived = new Promise<ScriptedExchange>((resolve) => {
    runner.script(async (exchange) => {
      await exchange.answer(200, { "Content-Type": "text/event-stream" });
      for (const event of events) await exchange.write(`data: ${event}\n\n`);
      resolve(exchange);
      await exchange.closed;
    });
  });
  await session.run(runBody(RUN));
  const exchange = await arrived;
  await waitFor(async () => (await session.lines()).length === events.length + 1);
  return exchange;
}

/** Expects the run to be over, nothing of it lost, its status right, and the next run to work. */
async function expectEnded(
  session: SessionClient,
  runner: FakeRunner,
  events: readonly string[],
  code: string,
): Promise<void> {
  await expectClosed(session, events, code);
  runner.script((exchange) => tell(exchange, NEXT));
  await expectNextRun(session);
}

async function expectClosed(
  session: SessionClient,
  events: readonly string[],
  code: string,
): Promise<void> {
  const lines = await waitFor(async () => {
    const stored = await session.lines();
    return /"type":"RUN_(FINISHED|ERROR)"/.test(stored.at(-1) ?? "") && stored;
  });
  expect(lines.slice(1, events.length + 1)).toEqual(events);
  const added: unknown[] = lines
    .slice(events.length + 1)
    .map((line) => JSON.parse(line) as unknown);
  const started = events.length > 0 ? [] : [{ type: "RUN_STARTED", runId: RUN }];
  const isFinished = events.includes(finishedEvent(RUN));
  expect(added).toMatchObject(
    isFinished ? [] : [...started, { type: "RUN_ERROR", runId: RUN, code }],
  );
  await waitFor(async () => (await session.agentStatus()) === "idle");
}

async function expectNextRun(session: SessionClient): Promise<void> {
  await session.run(runBody("next"));
  await waitFor(async () => (await session.lines()).at(-1) === finishedEvent("next"));
  await waitFor(async () => (await session.agentStatus()) === "idle");
}

describe("a run ends, whatever dies", () => {
  it("on the runner's side, at any stage", async () => {
    const runner = await freshRunner();
    const env = { STORAGE_URL: `file:${await freshDir()}`, RUNNER_URL: runner.address };
    const server = await startServer({ env });
    for (const [fault, [what, act]] of Object.entries(RUNNER_FAULTS).entries())
      for (const [stage, [when, events]] of Object.entries(STAGES).entries()) {
        const session = sessionOf(server, runner, `s-${fault}-${stage}`);
        const exchange = await runUpTo(session, runner, events);
        await act(exchange);
        await expectEnded(session, runner, events, "runner-disconnected").catch(
          (cause: unknown) => {
            throw new Error(`when ${what} ${when}`, { cause });
          },
        );
      }
  });

  it.each(Object.entries(STAGES))("when the runner is killed %s", async (_when, events) => {
    const first = await startRunnerProcess({ events, ends: false });
    const { port } = first;
    const RUNNER_URL = `http://127.0.0.1:${port}/`;
    const server = await startServer({
      env: { STORAGE_URL: `file:${await freshDir()}`, RUNNER_URL },
    });
    const session = sessionOf(server, await freshRunner());
    await session.run(runBody(RUN));
    await first.answered;
    await waitFor(async () => (await session.lines()).length === events.length + 1);
    await first.kill();
    await expectClosed(session, events, "runner-disconnected");
    await startRunnerProcess({ port, events: NEXT, ends: true });
    await expectNextRun(session);
  });

  it.each(Object.entries(STAGES))("when the server is killed %s", async (_when, events) => {
    const runner = await freshRunner();
    const env = { STORAGE_URL: `file:${await freshDir()}`, RUNNER_URL: runner.address };
    const first = await startServer({ env });
    await runUpTo(sessionOf(first, runner), runner, events);
    first.kill("SIGKILL");
    await first.exited;
    const second = await startServer({ env });
    await expectEnded(sessionOf(second, runner), runner, events, "server-restarted");
  });

  it("when the runner answers an error with a body that has no end", async () => {
    const runner = await freshRunner();
    const env = { STORAGE_URL: `file:${await freshDir()}`, RUNNER_URL: runner.address };
    const server = await startServer({ env });
    for (const status of [401, 422, 500]) {
      const session = sessionOf(server, runner, `s-${status}`);
      runner.script(async (exchange) => {
        await exchange.answer(status, { "Content-Type": "text/plain" });
        const endless = async (): Promise<never> => {
          for (;;) await exchange.write("x".repeat(65_536));
        };
        // until the client has had enough and goes
        await endless().catch(() => exchange.closed);
      });
      await session.run(runBody(RUN));
      await expectEnded(session, runner, [], `runner-http-${status}`);
    }
  });
});
