import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { createMemoryLogStore } from "../../adapters/memory/index.ts";
import { createRunlog, type RunlogOptions } from "../../src/entry/embed.ts";
import type { FakeRunner } from "../support/fake-runner.ts";
import {
  finishedEvent,
  runBody,
  SessionClient,
  startedEvent,
  tell,
} from "../contract/session-routes/harness.ts";
import {
  freshDir,
  freshRunner,
  runCli,
  type ServerProcess,
  sessionOf,
  startServer,
} from "../support/server-process.ts";
import { waitFor } from "../support/wait-for.ts";
import {
  SECRET,
  signatureOf,
  startReceiver,
  type WebhookReceiver,
} from "../support/webhook-receiver.ts";

const RUN = [startedEvent(), finishedEvent()];

/** A server on a directory, its runner, and who is told of runs. */
async function setup(): Promise<{
  readonly dir: string;
  readonly env: Record<string, string>;
  readonly runner: FakeRunner;
  readonly receiver: WebhookReceiver;
}> {
  const [dir, runner, receiver] = [await freshDir(), await freshRunner(), await startReceiver()];
  runner.script((exchange) => tell(exchange, RUN));
  const env = {
    STORAGE_URL: `file:${dir}`,
    RUNNER_URL: runner.address,
    RUNLOG_WEBHOOK_URL: receiver.url,
    RUNLOG_WEBHOOK_SECRET: SECRET,
  };
  return { dir, env, runner, receiver };
}

/** The names in the outbox; a notice that is being put or read is none. */
async function outboxOf(dir: string): Promise<string[]> {
  const names = await readdir(join(dir, "outbox")).catch(() => []);
  return names.filter((name) => name.startsWith("run_"));
}

async function killed(server: ServerProcess): Promise<void> {
  server.kill("SIGKILL");
  await server.exited;
}

const statesOf = ({ received }: WebhookReceiver): unknown[] =>
  received.map(({ notice: { data, type } }) => [data["runId"], type]);

describe("a server with an address", () => {
  it("tells it when runs finish, fail, are cancelled and wait for input, signed", async () => {
    const { env, receiver, runner } = await setup();
    const server = await startServer({ env });
    const session = sessionOf(server, runner);
    await session.run(runBody("r"));
    await waitFor(() => receiver.received.length === 1);
    const asks =
      '{"type":"RUN_FINISHED","threadId":"t","runId":"w","outcome":{"type":"interrupt"}}';
    runner.script((exchange) => tell(exchange, [startedEvent("w"), asks]));
    await session.run(runBody("w"));
    await waitFor(() => receiver.received.length === 2);
    runner.script((exchange) => tell(exchange, [startedEvent("f")]));
    await session.run(runBody("f"));
    await waitFor(() => receiver.received.length === 3);
    runner.script(async (exchange) => {
      await exchange.answer(200, { "Content-Type": "text/event-stream" });
      await exchange.write(`data: ${startedEvent("c")}\n\n`);
      await exchange.closed;
    });
    await session.run(runBody("c"));
    await waitFor(async () => (await session.lines()).includes(startedEvent("c")));
    expect((await session.post("/agui/cancel", '{"runId":"c"}')).status).toBeLessThan(300);
    await waitFor(() => receiver.received.length === 4);
    expect(statesOf(receiver)).toEqual([
      ["r", "run.finished"],
      ["w", "run.waiting_input"],
      ["f", "run.failed"],
      ["c", "run.cancelled"],
    ]);
    expect(receiver.received[2]?.notice.data).toMatchObject({
      project: "p1",
      session: "s1",
      threadId: "s1",
      error: { code: "runner-disconnected" },
    });
    for (const one of receiver.received) expect(one.signature).toBe(signatureOf(one));
    expect(server.stderr()).not.toContain(SECRET);
  });

  it("tells it after kill -9 and a start what was not delivered, under the id that it tried", async () => {
    const { dir, env, receiver, runner } = await setup();
    receiver.answer(() => {});
    const server = await startServer({ env });
    await sessionOf(server, runner).run();
    // it is on its way and unanswered
    await waitFor(() => receiver.received.length === 1);
    await killed(server);
    expect(await outboxOf(dir)).toHaveLength(1);
    await receiver.goDown();
    const second = await startServer({ env });
    await waitFor(() => second.stderr().includes("webhook-address-failing"));
    await killed(second);
    await receiver.comeUp();
    receiver.answer((response) => void response.writeHead(200).end());
    await startServer({ env });
    await waitFor(() => receiver.received.length === 2);
    await waitFor(async () => (await outboxOf(dir)).length === 0);
    expect(new Set(receiver.received.map(({ id }) => id)).size).toBe(1);
    expect(new Set(receiver.received.map(({ body }) => body)).size).toBe(1);
  });

  it("tells it what a process that died had stored the end of and not put into the outbox", async () => {
    const { dir, env, receiver, runner } = await setup();
    // a file where the directory has to be: nothing can be put
    await writeFile(join(dir, "outbox"), "");
    const server = await startServer({ env });
    const session = sessionOf(server, runner);
    await session.run();
    await session.settled();
    await waitFor(() => server.stderr().includes("webhook-notice-not-stored"));
    await killed(server);
    expect(receiver.received).toEqual([]);
    await rm(join(dir, "outbox"));
    await startServer({ env });
    await waitFor(() => receiver.received.length === 1);
    expect(statesOf(receiver)).toEqual([["r", "run.finished"]]);
  });

  it("tells it what could not be put into the outbox for a while, without a start", async () => {
    const { dir, env, receiver, runner } = await setup();
    await writeFile(join(dir, "outbox"), "");
    const server = await startServer({ env });
    await sessionOf(server, runner).run();
    await waitFor(() => server.stderr().includes("webhook-notice-not-stored"));
    await rm(join(dir, "outbox"));
    await waitFor(() => receiver.received.length === 1);
    const marks = (): Promise<string[]> => readdir(join(dir, "open-runs"));
    await waitFor(async () => (await marks()).length === 0);
  });

  it("starts, and serves its readers, while the outbox takes nothing", async () => {
    const { dir, env, receiver, runner } = await setup();
    await writeFile(join(dir, "outbox"), "");
    const server = await startServer({ env });
    const session = sessionOf(server, runner);
    await session.run();
    await waitFor(() => server.stderr().includes("webhook-notice-not-stored"));
    await killed(server);
    const again = await startServer({ env });
    expect((await sessionOf(again, runner).lines()).at(-1)).toBe(finishedEvent());
    expect(receiver.received).toEqual([]);
  });

  it("stops while an address is silent, and leaves what it could not tell", async () => {
    const { dir, env, receiver, runner } = await setup();
    receiver.answer(() => {});
    const server = await startServer({ env });
    await sessionOf(server, runner).run();
    await waitFor(() => receiver.received.length === 1);
    server.kill("SIGTERM");
    expect(await server.exited).toEqual({ code: 0, signal: null });
    expect(await outboxOf(dir)).toHaveLength(1);
  });

  it("reads its secret from a file, also the one that comes into it later", async () => {
    const { env, receiver, runner } = await setup();
    const file = join(await freshDir(), "secret");
    await writeFile(file, `${SECRET}\n`);
    const { RUNLOG_WEBHOOK_SECRET: _, ...others } = env;
    const server = await startServer({ env: { ...others, RUNLOG_WEBHOOK_SECRET_FILE: file } });
    const session = sessionOf(server, runner);
    await session.run();
    await waitFor(() => receiver.received.length === 1);
    const other = `whsec_${Buffer.alloc(32, 7).toString("base64")}`;
    await writeFile(file, `${other},${SECRET}`);
    let count = 0;
    await waitFor(async () => {
      const runId = `r${++count}`;
      runner.script((exchange) => tell(exchange, [startedEvent(runId), finishedEvent(runId)]));
      const before = receiver.received.length;
      const answer = await session.post("/agui/run", runBody(runId));
      if (answer.status !== 200) return false;
      await waitFor(() => receiver.received.length > before);
      const last = receiver.received.at(-1)!;
      return last.signature === `${signatureOf(last, other)} ${signatureOf(last)}`;
    });
  });
});

describe("a server without an address", () => {
  it("has no outbox, and marks and ends runs as before", async () => {
    const { dir, env, runner, receiver } = await setup();
    const { STORAGE_URL, RUNNER_URL } = env;
    const server = await startServer({
      env: { STORAGE_URL: STORAGE_URL!, RUNNER_URL: RUNNER_URL! },
    });
    const session = sessionOf(server, runner);
    await session.run();
    await session.settled();
    server.kill("SIGTERM");
    expect((await server.exited).code).toBe(0);
    expect(existsSync(join(dir, "outbox"))).toBe(false);
    expect(await readdir(join(dir, "open-runs"))).toEqual([]);
    expect(receiver.received).toEqual([]);
  });
});

describe("the settings", () => {
  const URL = "https://example.com/hook";
  it.each([
    [{ RUNLOG_WEBHOOK_URL: URL }, "RUNLOG_WEBHOOK_URL needs"],
    [{ RUNLOG_WEBHOOK_SECRET: SECRET }, "RUNLOG_WEBHOOK_URL is not"],
    [{ RUNLOG_WEBHOOK_URL: URL, RUNLOG_WEBHOOK_SECRET: "top-secret" }, "must be whsec_"],
    [
      { RUNLOG_WEBHOOK_URL: "https://u:top-secret@a.example", RUNLOG_WEBHOOK_SECRET: SECRET },
      "RUNLOG_WEBHOOK_URL must be",
    ],
    [
      { RUNLOG_WEBHOOK_URL: `${URL},ftp://a.example`, RUNLOG_WEBHOOK_SECRET: SECRET },
      "RUNLOG_WEBHOOK_URL must be",
    ],
    [
      { RUNLOG_WEBHOOK_URL: URL, RUNLOG_WEBHOOK_SECRET: SECRET, RUNLOG_WEBHOOK_SECRET_FILE: "/x" },
      "exclude each other",
    ],
    [{ RUNLOG_WEBHOOK_URL: URL, RUNLOG_WEBHOOK_SECRET_FILE: "/nowhere" }, "cannot be read"],
  ])("that do not fit (%#) end the start with what is wrong, and no secret", async (env, text) => {
    const { code, stderr } = await runCli({ env: { STORAGE_URL: "memory:", ...env } });
    expect(code).toBe(2);
    expect(stderr).toContain(text);
    expect(stderr).not.toMatch(/top-secret|MfKQ9r8/);
  });
});

describe("createRunlog", () => {
  const greet: RunlogOptions["runner"] = async function* ({ threadId, runId }) {
    yield { type: "RUN_STARTED", threadId, runId };
    yield { type: "RUN_FINISHED", threadId, runId };
  };

  it("tells the addresses of its option `webhooks`", async () => {
    const receiver = await startReceiver();
    const runlog = await createRunlog({
      storage: `file:${await freshDir()}`,
      runner: greet,
      webhooks: { url: receiver.url, secret: SECRET },
    });
    onTestFinished(() => runlog.close());
    const fetch = async (path: string, init?: RequestInit): Promise<Response> =>
      runlog.fetch(new Request(`http://localhost${path}`, init));
    await new SessionClient({ fetch } as ConstructorParameters<typeof SessionClient>[0]).run();
    await waitFor(() => receiver.received.length === 1);
    expect(receiver.received[0]?.signature).toBe(signatureOf(receiver.received[0]!));
  });

  it.each([
    [{ url: "ftp://a.example", secret: SECRET }, "webhooks.url"],
    [{ url: [], secret: SECRET }, "webhooks.url"],
    [{ url: "https://a.example", secret: "top-secret" }, "webhooks.secret"],
    [{ url: "https://a.example", secret: SECRET }, "webhooks.outbox"],
  ])("refuses what cannot be (%#)", async (webhooks, name) => {
    const storage = createMemoryLogStore();
    const made = createRunlog({ storage, runner: greet, webhooks });
    await expect(made).rejects.toThrow(name);
    await expect(made).rejects.not.toThrow(/top-secret/);
  });
});

it("the receiver that PROTOCOL shows takes what is signed, and nothing else", async () => {
  const { env, runner } = await setup();
  const protocol = await readFile(new URL("../../PROTOCOL.md", import.meta.url), "utf8");
  const [, source = ""] = /## 21\. [^]*?```js\n([^]*?)```/.exec(protocol) ?? [];
  const path = join(await freshDir(), "receiver.mjs");
  await writeFile(path, source);
  const child = spawn(process.execPath, [path], {
    env: { PATH: process.env["PATH"], PORT: "0", RUNLOG_WEBHOOK_SECRET: SECRET },
    stdio: ["ignore", "pipe", "inherit"],
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  let said = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    said += text;
  });
  const [, port] = await waitFor(() => /listens on (\d+)/.exec(said), { what: "the receiver" });
  const address = `http://127.0.0.1:${port}/`;
  const server = await startServer({ env: { ...env, RUNLOG_WEBHOOK_URL: address } });
  await sessionOf(server, runner).run();
  await waitFor(() => said.includes("run.finished"));
  const headers = {
    "webhook-id": "run_x_1",
    "webhook-timestamp": String(Math.floor(Date.now() / 1000)),
    "webhook-signature": "v1,AAAA",
  };
  const forged = await fetch(address, { method: "POST", body: "{}", headers });
  expect(forged.status).toBe(401);
});
