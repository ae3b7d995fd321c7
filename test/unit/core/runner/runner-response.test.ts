import { describe, expect, it } from "vitest";
import {
  askRunner,
  readObject,
  readRefusal,
  type RunnerReply,
} from "../../../../src/core/runner/runner-response.ts";
import { openTaskOutput, openTasks } from "../../../../src/core/runner/runner-proxy.ts";
import type { RunnerCall } from "../../../../src/ports/runner-client.ts";
import { RunlogError } from "../../../../src/ports/errors.ts";
import { utf8 } from "../../../contract/bytes.ts";
import { reasonOf } from "../../../contract/outcome.ts";
import { createManualClock } from "../../../support/manual-clock.ts";

const key = { project: "p1", session: "s1" };
const ADDRESS = "http://runner.invalid/";
const SILENCE = new Promise<never>(() => {});

/** A body of these chunks, and then what `after` brings; says whether it was cancelled. */
function bodyOf(chunks: readonly string[], after: Promise<unknown> = SILENCE) {
  const state = { isCancelled: false, pulls: 0 };
  const left = chunks.map((chunk) => utf8(chunk));
  const body = new ReadableStream<Uint8Array<ArrayBuffer>>(
    {
      async pull(controller) {
        state.pulls++;
        const chunk = left.shift();
        if (!chunk) await after;
        if (chunk) controller.enqueue(chunk);
        else controller.close();
      },
      cancel: () => void (state.isCancelled = true),
    },
    { highWaterMark: 0 },
  );
  return { body, state };
}

function setUp(status: number, body: ReadableStream<Uint8Array<ArrayBuffer>> | null) {
  const clock = createManualClock();
  const calls: RunnerCall[] = [];
  const ports = {
    clock,
    directory: { addressOf: () => Promise.resolve(ADDRESS) },
    runner: {
      call: (call: RunnerCall) => {
        calls.push(call);
        return Promise.resolve({ status, contentType: null, body });
      },
    },
  };
  const reply: RunnerReply = {
    status,
    contentType: null,
    body,
    address: ADDRESS,
    untilMs: clock.now() + 10_000,
  };
  return { clock, calls, ports, reply };
}

/** Lets everything happen that waits for nothing else. */
function settle(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

describe("a runner's error", () => {
  it("that stays silent is returned as far as it came, when the time is over", async () => {
    const { body, state } = bodyOf(["too ", "slow"]);
    const { clock, reply } = setUp(500, body);
    let error: unknown = null;
    const reading = readRefusal(reply, clock).then((refusal) => (error = refusal));
    await settle();
    clock.advance(9_999);
    await settle();
    expect(error).toBeNull();
    clock.advance(1);
    await reading;
    expect(error).toMatchObject({ code: "runner-refused", message: "too slow" });
    expect(state.isCancelled).toBe(true);
    expect(clock.pending).toBe(0);
  });

  it("is cut at 1 KiB, and what comes after is neither read nor waited for", async () => {
    const { body, state } = bodyOf(["x".repeat(1000), "y".repeat(100_000), "z"]);
    const { clock, reply } = setUp(503, body);
    const error = await readRefusal(reply, clock);
    expect(error.message).toBe("x".repeat(1000) + "y".repeat(24));
    expect(error.facts).toEqual({ status: 503 });
    expect(state).toEqual({ isCancelled: true, pulls: 2 });
    expect(clock.pending).toBe(0);
  });

  it("has a text also when its body breaks off or there is none", async () => {
    const broken = bodyOf(["begun"], Promise.reject(new Error("broken")));
    const first = setUp(500, broken.body);
    expect((await readRefusal(first.reply, first.clock)).message).toBe("begun");
    const second = setUp(404, null);
    expect((await readRefusal(second.reply, second.clock)).message).toBe("Runner error: HTTP 404");
  });
});

describe("a runner's object", () => {
  it("that does not come in time is none", async () => {
    const { body, state } = bodyOf(['{"a":1']);
    const { clock, reply } = setUp(200, body);
    const reading = readObject(reply, clock);
    await settle();
    clock.advance(10_000);
    expect(await reading).toBeNull();
    expect(state.isCancelled).toBe(true);
  });

  it("of 1 MiB is one, and a larger one is none", async () => {
    for (const [size, isObject] of [
      [1024 * 1024, true],
      [1024 * 1024 + 1, false],
    ] as const) {
      const { body } = bodyOf([`{"a":"${"x".repeat(size - 8)}"}`], Promise.resolve());
      const { clock, reply } = setUp(200, body);
      expect((await readObject(reply, clock)) !== null).toBe(isObject);
    }
  });
});

describe("a call", () => {
  it("gives the body what its headers have left of the time", async () => {
    const { body } = bodyOf([]);
    const { clock, ports } = setUp(200, body);
    const slow = {
      call: (call: RunnerCall) => {
        clock.advance(4_000);
        return ports.runner.call(call);
      },
    };
    const began = clock.now();
    const question = { method: "GET", path: "tasks", timeoutMs: 10_000 } as const;
    const { untilMs } = await askRunner({ ...ports, runner: slow }, key, question);
    expect(untilMs).toBe(began + 10_000);
  });

  it("throws on what is wrong beside the runner as it is", async () => {
    const { ports } = setUp(200, null);
    const failure = new RunlogError("store-failed", "no directory");
    const directory = { addressOf: () => Promise.reject(failure) };
    const question = { method: "GET", path: "tasks", timeoutMs: 10_000 } as const;
    expect(await reasonOf(askRunner({ ...ports, directory }, key, question))).toBe(failure);
  });
});

describe("an answer that is passed on", () => {
  it.each([
    ["tasks", openTasks, 10_000],
    [
      "output",
      (...[ports, of]: Parameters<typeof openTasks>) => openTaskOutput(ports, of, "t"),
      30_000,
    ],
  ] as const)(
    "is no answer when its body does not begin in time: %s",
    async (_, open, timeoutMs) => {
      const { body, state } = bodyOf([]);
      const { clock, ports, calls } = setUp(200, body);
      const opening = reasonOf(open(ports, key));
      await settle();
      clock.advance(timeoutMs - 1);
      await settle();
      expect(state.isCancelled).toBe(false);
      clock.advance(1);
      expect(await opening).toMatchObject({
        code: "runner-unreachable",
        message: "Runner is not available",
      });
      expect(calls[0]?.timeoutMs).toBe(timeoutMs);
      expect(state.isCancelled).toBe(true);
      expect(clock.pending).toBe(0);
    },
  );

  it("may be silent for hours once it has begun", async () => {
    const { body } = bodyOf(["begun"]);
    const { clock, ports } = setUp(200, body);
    const { source } = await openTasks(ports, key);
    expect(clock.pending).toBe(0);
    expect(await source?.next()).toEqual(utf8("begun"));
    expect(source?.atBoundary).toBe(false);
    source?.close();
    expect(await source?.next()).toBeNull();
  });
});
