import { describe, expect, it, onTestFinished } from "vitest";
import {
  createLocalAuthorizer,
  createLocalDirectory,
  createLocalPlatform,
} from "../../adapters/local/index.ts";
import { createMemoryObjectBucket } from "../../adapters/memory/index.ts";
import { createObjectLogStore } from "../../adapters/object/index.ts";
import { systemClock } from "../../src/entry/system-clock.ts";
import { RunlogError } from "../../src/ports/errors.ts";
import type { ObjectBucket } from "../../src/ports/object-bucket.ts";
import {
  finishedEvent,
  runBody,
  SessionClient,
  startedEvent,
} from "../contract/session-routes/harness.ts";
import { createFastClock } from "../support/fast-clock.ts";
import { type ResumableRunner, startResumableRunner } from "../support/resumable-runner.ts";
import { createTestServer } from "../support/test-server.ts";
import { waitFor } from "../support/wait-for.ts";

const LEASE_MS = 2_000;
const custom = (name: string): string => JSON.stringify({ type: "CUSTOM", name });

/** `bucket` over a wire that can be cut: then nothing is answered, and what was appended lands when it is let. */
function withWire(bucket: ObjectBucket) {
  const late: (() => Promise<unknown>)[] = [];
  let isCut = false;
  const answered = <T>(call: () => Promise<T>): Promise<T> =>
    isCut ? new Promise<never>(() => {}) : call();
  const cuttable: ObjectBucket = {
    get: (...args) => answered(() => bucket.get(...args)),
    head: (...args) => answered(() => bucket.head(...args)),
    put: (...args) => answered(() => bucket.put(...args)),
    putIfAbsent(key, bytes, options) {
      // it is under way, whatever becomes of who sent it
      const { signal: _, ...about } = options ?? {};
      if (isCut && key.includes("/raw/")) late.push(() => bucket.putIfAbsent(key, bytes, about));
      return answered(() => bucket.putIfAbsent(key, bytes, options));
    },
    list: (...args) => answered(() => bucket.list(...args)),
    delete: (...args) => answered(() => bucket.delete(...args)),
    abortUploads: (...args) => answered(() => bucket.abortUploads(...args)),
    multipart: (...args) => answered(() => bucket.multipart(...args)),
  };
  return {
    bucket: cuttable,
    cut: (): void => void (isCut = true),
    mend: (): void => void (isCut = false),
    assertUp: (): void => {
      if (isCut) throw new RunlogError("platform-failed", "cut off");
    },
    isLate: (): boolean => late.length > 0,
    land: async (): Promise<void> => void (await late[0]?.()),
  };
}

type Wire = ReturnType<typeof withWire>;

/** A server whose bucket and runner are behind this wire. */
async function startServer({ assertUp, bucket }: Wire, runner: ResumableRunner) {
  const store = createObjectLogStore({
    bucket,
    clock: systemClock,
    batchMs: 5,
    leaseMs: LEASE_MS,
    attemptMs: LEASE_MS,
    closeMs: LEASE_MS,
  });
  const server = await createTestServer({
    store,
    // what is looked after every few seconds is looked after at once
    clock: createFastClock(10),
    platform: () => ({
      authorizer: createLocalAuthorizer(),
      directory: createLocalDirectory({ store, runnerUrl: runner.address }),
      platform: createLocalPlatform(),
    }),
    directory: {
      async addressOf() {
        assertUp();
        return runner.address;
      },
    },
  });
  onTestFinished(() => server.dispose());
  return new SessionClient(server);
}

/** A server that is cut off while it stores what comes, and another one. */
async function startServers() {
  const runner = await startResumableRunner();
  const bucket = createMemoryObjectBucket();
  const wire = withWire(bucket);
  const first = await startServer(wire, runner);
  const second = await startServer(withWire(bucket), runner);
  onTestFinished(wire.mend);
  return { runner, wire, first, second };
}

type Servers = Awaited<ReturnType<typeof startServers>>;

/** The log without what was posted. */
async function storedOf(session: SessionClient): Promise<string[]> {
  return (await session.lines()).filter((line) => !line.includes("MESSAGES_SNAPSHOT"));
}

/** Lets the second server find the session, and what it had stored land, before that one stores anything of its own. */
async function takeOver({ runner, wire }: Servers, resumed: string): Promise<void> {
  await waitFor(() => wire.isLate(), { what: "the put" });
  runner.behave(500);
  const before = runner.requests.length;
  await waitFor(() => runner.requests.includes(resumed, before), { what: resumed });
  await wire.land();
}

/** Has the second server append something that no run has to do with. */
async function appendAnother({ runner, second }: Servers): Promise<void> {
  await waitFor(async () => {
    const response = await second.post("/agui/run", runBody("r2"));
    await response.body?.cancel();
    return response.status === 200;
  });
  void waitFor(() => runner.run("r2")).then((run) => {
    run.say(startedEvent("r2"), finishedEvent("r2"));
    run.end();
  });
}

const OTHER_RUN = [startedEvent("r2"), finishedEvent("r2")];

describe.each([false, true])(
  "an event whose put lands after a take-over (another append came first: %s)",
  (isAnother) => {
    it("of a posted run is stored once", async () => {
      const servers = await startServers();
      const { runner, wire, first, second } = servers;
      await first.run(runBody("r1"));
      const run = await waitFor(() => runner.run("r1"));
      run.say(startedEvent("r1"), custom("a"));
      await waitFor(async () => (await storedOf(first)).includes(custom("a")));
      wire.cut();
      run.say(custom("late"));
      await takeOver(servers, "GET /runs/r1/events r1~2");
      if (isAnother) await appendAnother(servers);
      runner.behave("serve");
      await waitFor(() => runner.requests.includes("GET /runs/r1/events r1~3"));
      run.say(custom("b"), finishedEvent("r1"));
      run.end();
      await waitFor(() => run.isAcknowledged);
      await waitFor(async () => (await second.agentStatus()) === "idle");
      const events = [custom("a"), custom("late"), custom("b")];
      const all = [startedEvent("r1"), ...events, finishedEvent("r1")];
      expect(await storedOf(second)).toEqual([...all, ...(isAnother ? OTHER_RUN : [])]);
    });

    it("of a run that its runner began by itself is stored once", async () => {
      const servers = await startServers();
      const { runner, wire, first, second } = servers;
      await first.run(runBody("r0"));
      const before = await waitFor(() => runner.run("r0"));
      before.say(startedEvent("r0"), finishedEvent("r0"));
      before.end();
      const thread = runner.thread("s1");
      await waitFor(() => thread.answers.length > 0);
      thread.say(startedEvent("bg"), custom("a"));
      await waitFor(async () => (await storedOf(first)).includes(custom("a")));
      wire.cut();
      thread.say(custom("late"));
      await takeOver(servers, "GET /events/s1 thread:s1~2");
      if (isAnother) await appendAnother(servers);
      runner.behave("serve");
      await waitFor(() => runner.requests.includes("GET /events/s1 thread:s1~3"));
      thread.say(custom("b"), finishedEvent("bg"));
      await waitFor(async () => (await second.lines()).includes(finishedEvent("bg")));
      await waitFor(async () => (await second.agentStatus()) === "idle");
      const stored = (await storedOf(second)).filter((line) => !OTHER_RUN.includes(line));
      const events = [custom("a"), custom("late"), custom("b")];
      const all = [startedEvent("bg"), ...events, finishedEvent("bg")];
      expect(stored).toEqual([startedEvent("r0"), finishedEvent("r0"), ...all]);
    });
  },
);
