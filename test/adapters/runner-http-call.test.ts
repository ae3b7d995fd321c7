import { getEventListeners } from "node:events";
import { describe, expect, it } from "vitest";
import { createHttpRunnerClient } from "../../adapters/runner-http/index.ts";
import type { RunnerCall } from "../../src/ports/runner-client.ts";
import { createByteBudget } from "../../src/stream/sync/byte-budget.ts";
import { drain } from "../contract/bytes.ts";
import { codeOf, reasonOf } from "../contract/outcome.ts";
import { createManualClock } from "../support/manual-clock.ts";

const ADDRESS = "http://runner.invalid/base/";
const key = { project: "demo", session: "session-1" };

/** A client whose requests `answer` answers, and the URLs that it asked for. */
function createClient(answer: (init: RequestInit) => Promise<Response>) {
  const clock = createManualClock();
  const asked: string[] = [];
  const client = createHttpRunnerClient({
    clock,
    intakeBudget: createByteBudget(1024),
    fetch: (url, init) => {
      asked.push(url);
      return answer(init);
    },
  });
  const { signal } = new AbortController();
  const call = (overrides: Partial<RunnerCall> = {}) =>
    client.call({
      key,
      address: ADDRESS,
      method: "GET",
      path: "tasks",
      timeoutMs: 10_000,
      signal,
      ...overrides,
    });
  return { client, clock, asked, signal, call };
}

function refuse(): Promise<Response> {
  const cause = Object.assign(new Error("refused"), { code: "ECONNREFUSED", syscall: "connect" });
  return Promise.reject(new TypeError("fetch failed", { cause }));
}

describe("http: listening and calling", () => {
  it("make one attempt", async () => {
    const { client, clock, asked, signal, call } = createClient(refuse);
    const listening = client.listen({ key, address: ADDRESS, threadId: "t", signal });
    expect(await codeOf(listening)).toBe("runner-unreachable");
    expect(await codeOf(call())).toBe("runner-unreachable");
    expect(asked).toEqual([`${ADDRESS}events/t`, `${ADDRESS}tasks`]);
    expect(clock.pending).toBe(0);
  });

  it("give up at the call's time-out, and at 30 s of listening, not before", async () => {
    const { client, clock, signal, call } = createClient(
      ({ signal: gone }) =>
        new Promise((_, reject) => {
          gone?.addEventListener("abort", () => reject(gone.reason));
        }),
    );
    const codes: string[] = [];
    const calling = codeOf(call()).then((code) => codes.push(code));
    const listening = codeOf(client.listen({ key, address: ADDRESS, threadId: "t", signal }));
    clock.advance(9_999);
    await Promise.resolve();
    expect(codes).toEqual([]);
    clock.advance(1);
    await calling;
    expect(codes).toEqual(["runner-unreachable"]);
    clock.advance(20_000);
    expect(await listening).toBe("runner-disconnected");
    expect(clock.pending).toBe(0);
  });

  it("set no limit to the time of a body", async () => {
    const { clock, call } = createClient(() => Promise.resolve(new Response("late")));
    const { body } = await call();
    expect(clock.pending).toBe(0);
    clock.advance(3_600_000);
    expect(body && (await drain(body))).toEqual(new TextEncoder().encode("late"));
  });

  it("leave no listener, however the body ends", async () => {
    const bodies: UnderlyingDefaultSource[] = [
      { pull: (body) => body.close() },
      { pull: (body) => body.error(new Error("broken")) },
    ];
    for (const source of bodies) {
      const stream = new ReadableStream(source, { highWaterMark: 0 });
      const { call, signal } = createClient(() => Promise.resolve(new Response(stream)));
      const { body } = await call();
      expect(getEventListeners(signal, "abort")).toHaveLength(1);
      await body
        ?.getReader()
        .read()
        .catch(() => {});
      expect(getEventListeners(signal, "abort")).toHaveLength(0);
    }
    for (const response of [new Response("unread"), new Response(null, { status: 204 })]) {
      const { call, signal } = createClient(() => Promise.resolve(response));
      await (await call()).body?.cancel();
      expect(getEventListeners(signal, "abort")).toHaveLength(0);
    }
  });

  it("end with the signal's reason also when fetch does not care for its signal", async () => {
    const abort = new AbortController();
    const { call } = createClient(() => Promise.resolve(new Response(new ReadableStream())));
    const { body } = await call({ signal: abort.signal });
    const pending = Promise.resolve(body?.getReader().read());
    const reason = new Error("the client left");
    abort.abort(reason);
    expect(await reasonOf(pending)).toBe(reason);
  });

  it("never leave the address, whatever the path", async () => {
    const { asked, call } = createClient(refuse);
    for (const path of ["../x", "a/../../x", "%2e%2e/x", "..", "\\..\\..\\x"])
      expect(await reasonOf(call({ path }))).toBeInstanceOf(TypeError);
    for (const path of ["//evil/", "http://evil/", "@evil/", "a?b", "a#b"])
      expect(await codeOf(call({ path }))).toBe("runner-unreachable");
    for (const url of asked) expect(url.startsWith(ADDRESS)).toBe(true);
  });
});
