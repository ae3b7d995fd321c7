import { describe, expect, it, onTestFinished } from "vitest";
import {
  createMemoryLogStore,
  createMemoryObjectBucket,
} from "../../../../adapters/memory/index.ts";
import { createRunMarks, type MarkedRun } from "../../../../src/core/log/open-run-marks.ts";
import { factsOfLine } from "../../../../src/core/model/server-events.ts";
import { createSessionEvents } from "../../../../src/core/session/session-events.ts";
import { parseSecrets } from "../../../../src/core/webhooks/signature.ts";
import { createWebhooks } from "../../../../src/core/webhooks/webhooks.ts";
import { RunlogError } from "../../../../src/ports/errors.ts";
import type { LogFacts, Logger } from "../../../../src/ports/logger.ts";
import type { LogStore } from "../../../../src/ports/log-store.ts";
import type { ObjectBucket } from "../../../../src/ports/object-bucket.ts";
import { utf8 } from "../../../contract/bytes.ts";
import { collect } from "../../../contract/outcome.ts";
import { createManualClock, type ManualClock } from "../../../support/manual-clock.ts";
import { sessionsOf } from "../../../support/session-registry.ts";
import { waitFor } from "../../../support/wait-for.ts";
import {
  SECRET,
  signatureOf,
  startReceiver,
  type WebhookReceiver,
} from "../../../support/webhook-receiver.ts";

const KEY = { project: "p", session: "s" };
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

const started = (runId: string) => ({ type: "RUN_STARTED", threadId: "t", runId });
const finished = (runId: string, outcome?: string) => ({
  type: "RUN_FINISHED",
  threadId: "t",
  runId,
  ...(outcome !== undefined && { outcome: { type: outcome } }),
});
const failed = (runId: string, message = "It broke", code = "broken") => ({
  type: "RUN_ERROR",
  runId,
  message,
  code,
});
const asks = { type: "TOOL_CALL_START", toolCallId: "q1", toolCallName: "AskUserQuestion" };

interface Logged {
  readonly level: string;
  readonly event: string;
  readonly facts: LogFacts;
}

interface Setup {
  readonly urls: readonly string[];
  readonly bucket?: ObjectBucket;
  readonly store?: LogStore;
  readonly clock?: ManualClock;
  readonly secret?: string;
}

/** Webhooks of a session that a test appends to, with requests over real sockets and a clock that stands still. */
function open({ urls, secret = SECRET, ...given }: Setup) {
  const { bucket = createMemoryObjectBucket(), store = createMemoryLogStore() } = given;
  const { clock = createManualClock() } = given;
  /** Requests without an answer. */
  let unanswered = 0;
  const logged: Logged[] = [];
  const log =
    (level: string) =>
    (event: string, facts: LogFacts = {}): void =>
      void logged.push({ level, event, facts });
  const logger: Logger = { info: log("info"), warn: log("warn"), error: log("error") };
  const events = createSessionEvents();
  const webhooks = createWebhooks(
    {
      urls,
      outbox: { bucket, prefix: "outbox/" },
      fetch: (url, init) => {
        unanswered++;
        return fetch(url, init).finally(() => void unanswered--);
      },
      secrets: async () => parseSecrets(secret) ?? [],
    },
    { store, events, clock, logger },
  );
  onTestFinished(async () => {
    let isClosed = false;
    void webhooks.close().then(() => {
      isClosed = true;
    });
    await waitFor(() => {
      clock.advance(1_000);
      return isClosed;
    });
  });
  const { session } = sessionsOf(store, { events, clock, logger }).use(KEY);
  const marks = createRunMarks(store, webhooks);
  return {
    bucket,
    clock,
    /** Lets time pass, unless a request is open: its own time would be over before it has an answer. */
    pass: (ms: number): void => {
      if (unanswered === 0) clock.advance(ms);
    },
    events,
    logged,
    marks,
    session,
    store,
    webhooks,
    async append(...all: object[]): Promise<void> {
      const logId = await session.loadOrCreate();
      const lines = all.map((event) => utf8(`${JSON.stringify(event)}\n`));
      await session.append({ lines, events: lines.map((line) => factsOfLine(line)) }, { logId });
    },
    async mark(runId: string, run: MarkedRun): Promise<void> {
      await marks.markOpen(KEY, await session.loadOrCreate(), runId, run);
    },
    entries: async (): Promise<string[]> =>
      (await bucket.list({ prefix: "outbox/" })).objects.map(({ key }) => key),
    logOf: (event: string): readonly Logged[] => logged.filter((one) => one.event === event),
  };
}

/** Lets time pass in steps until the receiver has been asked so often. */
async function passUntil(
  pass: (ms: number) => void,
  receiver: WebhookReceiver,
  count: number,
  stepMs = 1_000,
): Promise<void> {
  await waitFor(
    () => {
      if (receiver.received.length >= count) return true;
      pass(stepMs);
      return false;
    },
    { what: `${count} requests` },
  );
}

const idsOf = ({ received }: WebhookReceiver): string[] => received.map(({ id }) => id);
const typesOf = ({ received }: WebhookReceiver): string[] =>
  received.map(({ notice }) => notice.type);

describe("what an address is sent", () => {
  it("is one signed notice for each end of a run, with where it is in the log", async () => {
    const receiver = await startReceiver();
    const opened = open({ urls: [receiver.url] });
    await opened.append(started("r1"), finished("r1"), started("r2"), failed("r2"));
    await opened.append(started("r3"), finished("r3", "cancelled"));
    await waitFor(() => receiver.received.length === 3);
    const byRun = new Map(receiver.received.map((one) => [one.notice.data["runId"], one]));
    const end = opened.session.log.position;
    expect(byRun.get("r1")?.notice).toMatchObject({
      type: "run.finished",
      data: { ...KEY, runId: "r1", ended: true },
    });
    expect(byRun.get("r2")?.notice).toMatchObject({
      type: "run.failed",
      data: { error: { code: "broken", message: "It broke" } },
    });
    expect(byRun.get("r3")?.notice).toMatchObject({
      type: "run.cancelled",
      timestamp: new Date(opened.clock.now()).toISOString(),
      data: { cursor: `${end?.logId}-r${end?.end}` },
    });
    for (const one of receiver.received) {
      expect(one.signature).toBe(signatureOf(one));
      expect(Number(one.timestamp)).toBe(Math.floor(opened.clock.now() / 1000));
      expect(one).toMatchObject({ path: "/hook", contentType: "application/json" });
    }
    expect(new Set(idsOf(receiver)).size).toBe(3);
    await waitFor(async () => (await opened.entries()).length === 0);
  });

  it("says that the agent waits for its user: by a question, by an interrupt, once each", async () => {
    const receiver = await startReceiver();
    const opened = open({ urls: [receiver.url] });
    await opened.append(started("r1"));
    await opened.append(asks);
    await opened.append({ type: "TOOL_CALL_END", toolCallId: "q1" });
    await waitFor(() => receiver.received.length === 1);
    expect(receiver.received[0]?.notice).toMatchObject({
      type: "run.waiting_input",
      data: { runId: "r1", ended: false, toolCallId: "q1" },
    });
    await opened.append({ type: "TOOL_CALL_RESULT", toolCallId: "q1" }, finished("r1"));
    await opened.append(started("r2"), finished("r2", "interrupt"));
    await waitFor(() => receiver.received.length === 3);
    expect(
      receiver.received.find(({ notice }) => notice.data["runId"] === "r2")?.notice,
    ).toMatchObject({ type: "run.waiting_input", data: { ended: true } });
  });

  it("goes to every address, each with the same id", async () => {
    const receivers = [await startReceiver(), await startReceiver()];
    const opened = open({ urls: receivers.map(({ url }) => url) });
    await opened.append(started("r1"), finished("r1"));
    await waitFor(() => receivers.every(({ received }) => received.length === 1));
    expect(idsOf(receivers[0]!)).toEqual(idsOf(receivers[1]!));
  });

  it("is no notice where an event ends nothing, and no detail that is long", async () => {
    const receiver = await startReceiver();
    const opened = open({ urls: [receiver.url] });
    await opened.append(started("r1"), finished("r1"));
    await opened.append(finished("r1"), finished("never"), { type: "RUN_ERROR" });
    await opened.append(started("r2"), failed("r2", "x".repeat(300)));
    await waitFor(() => receiver.received.length === 2);
    const last = receiver.received.find(({ notice }) => notice.data["runId"] === "r2");
    expect(last?.notice.data["error"]).toEqual({ code: "broken", message: null });
    expect(opened.logged).toEqual([]);
  });
});

describe("an address that does not take it", () => {
  it("is tried for a day, less and less often, always with the same id and body, signed anew", async () => {
    const receiver = await startReceiver();
    receiver.answer((response) => void response.writeHead(503).end());
    const opened = open({ urls: [receiver.url] });
    const begun = opened.clock.now();
    await opened.append(started("r1"), finished("r1"));
    const times: number[] = [];
    await waitFor(
      async () => {
        const { length } = receiver.received;
        if (length > times.length) times.push(opened.clock.now() - begun);
        if ((await opened.entries()).length === 0) return true;
        opened.pass(length > 10 ? 10 * MINUTE : 5_000);
        return false;
      },
      { what: "the end of the tries" },
    );
    expect(new Set(idsOf(receiver)).size).toBe(1);
    expect(new Set(receiver.received.map(({ body }) => body)).size).toBe(1);
    for (const one of receiver.received) expect(one.signature).toBe(signatureOf(one));
    expect(times.at(-1)).toBeGreaterThanOrEqual(24 * HOUR);
    expect(times.at(-1)).toBeLessThan(26 * HOUR);
    expect(times.length).toBeGreaterThan(25);
    expect(times.length).toBeLessThan(60);
    expect(opened.logOf("webhook-address-failing")).toHaveLength(1);
    expect(opened.logOf("webhook-given-up")).toMatchObject([
      { level: "error", facts: { type: "run.finished", status: 503 } },
    ]);
  });

  it("gets everything when it is back after most of a day, and the log says so", async () => {
    const receiver = await startReceiver();
    await receiver.goDown();
    const opened = open({ urls: [receiver.url] });
    for (const run of ["r1", "r2", "r3"]) await opened.append(started(run), finished(run));
    await waitFor(() => opened.logOf("webhook-address-failing").length === 1);
    await waitFor(
      async () => {
        opened.pass(10 * MINUTE);
        return opened.clock.now() >= 1_800_000_000_000 + 20 * HOUR;
      },
      { what: "20 hours" },
    );
    await receiver.comeUp();
    await passUntil(opened.pass, receiver, 3, MINUTE);
    await waitFor(async () => (await opened.entries()).length === 0);
    expect(new Set(idsOf(receiver)).size).toBe(3);
    expect(opened.logOf("webhook-given-up")).toEqual([]);
    expect(opened.logOf("webhook-address-works")).toMatchObject([{ level: "info" }]);
  });

  it("is followed nowhere", async () => {
    const [receiver, other] = [await startReceiver(), await startReceiver()];
    let isMoved = true;
    receiver.answer((response) => {
      if (isMoved) response.writeHead(307, { Location: other.url }).end();
      else response.writeHead(200).end();
    });
    const opened = open({ urls: [receiver.url] });
    await opened.append(started("r1"), finished("r1"));
    await waitFor(() => opened.logOf("webhook-address-failing").length === 1);
    isMoved = false;
    await passUntil(opened.pass, receiver, 2);
    expect(other.received).toEqual([]);
    expect(opened.logOf("webhook-address-failing")[0]?.facts).toMatchObject({ status: 307 });
  });

  it("says how long it is to be left alone", async () => {
    const receiver = await startReceiver();
    receiver.answer((response) => void response.writeHead(429, { "Retry-After": "1800" }).end());
    const opened = open({ urls: [receiver.url] });
    await opened.append(started("r1"), finished("r1"));
    await waitFor(() => opened.logOf("webhook-address-failing").length === 1);
    const since = opened.clock.now();
    await passUntil(opened.pass, receiver, 2, MINUTE);
    expect(opened.clock.now() - since).toBeGreaterThanOrEqual(1_800_000);
  });

  it("and answers 410 is sent nothing any more; others are", async () => {
    const [gone, other] = [await startReceiver(), await startReceiver()];
    gone.answer((response) => void response.writeHead(410).end());
    const opened = open({ urls: [gone.url, other.url] });
    await opened.append(started("r1"), finished("r1"));
    await waitFor(() => opened.logOf("webhook-address-gone").length === 1);
    await opened.append(started("r2"), finished("r2"));
    await waitFor(() => other.received.length === 2);
    await waitFor(async () => (await opened.entries()).length === 0);
    opened.clock.advance(HOUR);
    expect(gone.received).toHaveLength(1);
  });

  it("and answers nothing has few requests open, whatever waits, and holds up no other", async () => {
    const [slow, other] = [await startReceiver(), await startReceiver()];
    slow.answer(() => {});
    const opened = open({ urls: [slow.url, other.url] });
    for (let run = 0; run < 60; run++) await opened.append(started(`r${run}`), finished(`r${run}`));
    await waitFor(() => other.received.length === 60);
    expect(slow.received.length).toBeLessThanOrEqual(4);
    await passUntil((ms) => opened.clock.advance(ms), slow, 12);
    expect(slow.mostOpen).toBe(4);
    expect((await opened.entries()).length).toBe(60);
  });

  it("never shows its path or a secret in what is logged", async () => {
    const receiver = await startReceiver();
    await receiver.goDown();
    const opened = open({ urls: [`${receiver.url}?token=top-secret`] });
    await opened.append(started("r1"), finished("r1"));
    await waitFor(() => opened.logOf("webhook-address-failing").length === 1);
    const text = opened.logged.map(({ facts }) => flat(facts)).join(" ");
    expect(text).toContain("ECONNREFUSED");
    expect(text).not.toMatch(/top-secret|hook|whsec_|MfKQ9r8/);
  });
});

describe("the outbox", () => {
  it("is what the next process sends, the same again; an address that it does not have is left alone", async () => {
    const [receiver, removed] = [await startReceiver(), await startReceiver()];
    await receiver.goDown();
    const { bucket, store, clock, ...first } = open({ urls: [receiver.url, removed.url] });
    removed.answer((response) => void response.writeHead(500).end());
    await first.append(started("r1"), finished("r1"));
    await waitFor(() => removed.received.length === 1);
    await first.webhooks.close();
    await receiver.comeUp();
    const next = open({ bucket, store, clock, urls: [receiver.url] });
    await waitFor(() => receiver.received.length === 1);
    expect(idsOf(receiver)).toEqual(idsOf(removed));
    await waitFor(async () => (await next.entries()).length === 1);
    await waitFor(
      async () => {
        next.pass(HOUR);
        return (await next.entries()).length === 0;
      },
      { what: "the end of an entry that nobody sends" },
    );
    expect(removed.received).toHaveLength(1);
    expect(next.logOf("webhook-given-up")).toMatchObject([{ facts: { address: null } }]);
  });

  it("keeps the mark of a run until the notice of its end is in it, and makes that of the log", async () => {
    const receiver = await startReceiver();
    const inner = createMemoryObjectBucket();
    let isBroken = true;
    const bucket: ObjectBucket = {
      ...inner,
      async put(...args) {
        if (isBroken) throw new RunlogError("store-failed", "injected");
        await inner.put(...args);
      },
    };
    const opened = open({ bucket, urls: [receiver.url] });
    await opened.mark("r1", { threadId: "t", from: 0 });
    await opened.append(started("r1"), asks, failed("r1"));
    const logId = await opened.session.loadOrCreate();
    await opened.marks.clearOpen(KEY, logId, "r1");
    expect(await collect(opened.store.openRuns())).toMatchObject([{ runId: "r1" }]);
    expect(opened.marks.released()).toHaveLength(1);
    expect(opened.logOf("webhook-notice-not-stored")).not.toEqual([]);
    isBroken = false;
    await opened.marks.clearOpen(KEY, logId, "r1");
    expect(await collect(opened.store.openRuns())).toEqual([]);
    await waitFor(() => receiver.received.length === 1);
    expect(receiver.received[0]?.notice).toMatchObject({
      type: "run.failed",
      data: { runId: "r1", threadId: "t", error: { code: "broken" } },
    });
  });

  it("gets of the log what a process that died has not put, under the same id as that would have", async () => {
    const [before, after] = [await startReceiver(), await startReceiver()];
    const store = createMemoryLogStore();
    const first = open({ store, urls: [before.url] });
    await first.append(started("other"), finished("other"));
    const from = first.session.log.position?.end ?? 0;
    await first.mark("r1", { threadId: "t", from });
    await first.append(started("r1"), finished("r1"));
    await waitFor(() => before.received.length === 2);
    const [mark] = await collect(store.openRuns());
    const second = open({ store, urls: [after.url] });
    await second.marks.clearOpen(KEY, mark!.logId, "r1", mark!.data);
    await waitFor(() => after.received.length === 1);
    expect(idsOf(before)).toContain(after.received[0]?.id);
    expect(after.received[0]?.notice.data).toMatchObject({ runId: "r1", threadId: "t" });
  });

  it("gets of a run that is taken up that it waits for its user, if it still does", async () => {
    const receiver = await startReceiver();
    const store = createMemoryLogStore();
    const dead = sessionsOf(store).use(KEY).session;
    const logId = await dead.loadOrCreate();
    const lines = [started("r1"), asks].map((event) => utf8(`${JSON.stringify(event)}\n`));
    await dead.append({ lines, events: lines.map((line) => factsOfLine(line)) }, { logId });
    const opened = open({ store, urls: [receiver.url] });
    const data = JSON.stringify({ threadId: "t", from: 0 });
    await opened.webhooks.recover({ ...KEY, logId, runId: "r1", data });
    await waitFor(() => receiver.received.length === 1);
    expect(typesOf(receiver)).toEqual(["run.waiting_input"]);
    await opened.append({ type: "TOOL_CALL_RESULT", toolCallId: "q1" });
    await opened.webhooks.recover({ ...KEY, logId, runId: "r1", data });
    await opened.append(finished("r1"));
    await waitFor(() => receiver.received.length === 2);
    expect(typesOf(receiver)).toEqual(["run.waiting_input", "run.finished"]);
  });

  it("takes no more than 10,000 entries, and says what it drops", async () => {
    const receiver = await startReceiver();
    await receiver.goDown();
    const bucket = createMemoryObjectBucket();
    const waiting = { createdAtMs: 1_800_000_000_000, type: "t", body: "{}" };
    const entry = utf8(JSON.stringify(waiting));
    for (let at = 0; at < 10_000; at++) await bucket.put(`outbox/run_a_${at}.0123`, entry);
    const opened = open({ bucket, urls: [receiver.url] });
    await waitFor(async () => {
      await opened.append(started("r1"), finished("r1"));
      return opened.logOf("webhook-notice-dropped").length > 0;
    });
    expect(opened.logOf("webhook-notice-dropped")[0]).toMatchObject({
      level: "error",
      facts: { runId: "r1", reason: "outbox-full" },
    });
  });

  it("does not send again what was delivered and could not be removed", async () => {
    const receiver = await startReceiver();
    const inner = createMemoryObjectBucket();
    let isBroken = true;
    const bucket: ObjectBucket = {
      ...inner,
      async delete(...args) {
        if (isBroken) throw new RunlogError("store-failed", "injected");
        await inner.delete(...args);
      },
    };
    const opened = open({ bucket, urls: [receiver.url] });
    await opened.append(started("r1"), finished("r1"));
    await waitFor(() => opened.logOf("webhook-outbox-not-read").length > 0);
    isBroken = false;
    await waitFor(async () => {
      opened.pass(10_000);
      return (await opened.entries()).length === 0;
    });
    expect(receiver.received).toHaveLength(1);
  });
});

/** Facts of a log line with what its errors say. */
function flat(value: unknown): string {
  if (value instanceof Error) return `${value.message} ${flat(value.cause)}`;
  if (typeof value === "object" && value !== null) return Object.values(value).map(flat).join(" ");
  return String(value);
}
