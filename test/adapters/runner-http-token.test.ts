import { describe, expect, it } from "vitest";
import { createHttpRunnerClient, type SessionToken } from "../../adapters/runner-http/index.ts";
import { RunlogError } from "../../src/ports/errors.ts";
import { createByteBudget } from "../../src/stream/sync/byte-budget.ts";
import { codeOf, reasonOf } from "../contract/outcome.ts";
import { waitFor } from "../contract/wait-for.ts";
import { createManualClock } from "../support/manual-clock.ts";

const ADDRESS = "http://other-session.other-project.invalid/";
const KEY = { project: "demo", session: "session-1" };

interface Sent {
  readonly token: string | null;
  readonly body: string;
}

/** A client with these tokens, of a runner that accepts one. */
function createClient(sessionToken: SessionToken, accepted: string | null) {
  const clock = createManualClock();
  const sent: Sent[] = [];
  const client = createHttpRunnerClient({
    clock,
    sessionToken,
    intakeBudget: createByteBudget(1024),
    async fetch(url, init) {
      const request = new Request(url, init);
      const token = request.headers.get("X-Ambient-Session-Token");
      sent.push({ token, body: await request.text() });
      return new Response(null, { status: token === accepted ? 200 : 401 });
    },
  });
  const { signal } = new AbortController();
  const body = [new TextEncoder().encode("{}")];
  return {
    clock,
    sent,
    run: () => client.run({ key: KEY, address: ADDRESS, body, headers: {}, signal }),
    listen: () => client.listen({ key: KEY, address: ADDRESS, threadId: "t", signal }),
    call: (given: AbortSignal = signal) =>
      client.call({
        key: KEY,
        address: ADDRESS,
        method: "GET",
        path: "tasks",
        timeoutMs: 10_000,
        signal: given,
      }),
  };
}

describe("http: the session's token", () => {
  it("is sent with every request, found by project and session and not by the address", async () => {
    const asked: unknown[] = [];
    const { sent, run, listen, call } = createClient((key, { fresh }) => {
      asked.push([key, fresh]);
      return Promise.resolve("t-1");
    }, "t-1");
    await run();
    await listen();
    expect((await call()).status).toBe(200);
    expect(sent.map(({ token }) => token)).toEqual(["t-1", "t-1", "t-1"]);
    expect(asked).toEqual(Array.from({ length: 3 }, () => [KEY, false]));
  });

  it("is left out where there is none", async () => {
    const { sent, call } = createClient(() => Promise.resolve(null), null);
    expect((await call()).status).toBe(200);
    expect(sent).toEqual([{ token: null, body: "" }]);
  });

  it("is read again when the runner refuses it, and the request repeated whole a second later", async () => {
    let reads = 0;
    const { clock, sent, run } = createClient((_, { fresh }) => {
      expect(fresh).toBe(reads > 0);
      return Promise.resolve(`t-${++reads}`);
    }, "t-3");
    const running = run();
    for (let count = 1; count < 3; count++) {
      await waitFor(() => sent.length === count && clock.pending === 1);
      clock.advance(999);
      expect(sent).toHaveLength(count);
      clock.advance(1);
    }
    await running;
    expect(sent).toEqual(["t-1", "t-2", "t-3"].map((token) => ({ token, body: "{}" })));
  });

  it("is read again five times; the answer is the runner's 401 then", async () => {
    const { clock, sent, run, call } = createClient(() => Promise.resolve("wrong"), "right");
    for (const request of [call, run]) {
      sent.length = 0;
      const outcome = request().then(
        (answer) => ("status" in answer ? answer.status : answer),
        (error: unknown) => (error instanceof RunlogError ? error.facts["status"] : error),
      );
      for (let count = 1; count <= 5; count++) {
        await waitFor(() => sent.length === count && clock.pending === 1);
        clock.advance(1_000);
      }
      expect(await outcome).toBe(401);
      expect(sent).toHaveLength(6);
      expect(clock.pending).toBe(0);
    }
  });

  it("fails the call if it cannot be read; nothing is sent", async () => {
    const failure = new RunlogError("platform-failed", "The API server did not answer");
    const { sent, call, listen } = createClient(() => Promise.reject(failure), null);
    expect(await codeOf(call())).toBe("runner-unreachable");
    expect(await codeOf(listen())).toBe("runner-unreachable");
    expect(sent).toEqual([]);
  });

  it("is tried again for a run as a runner is that cannot be reached", async () => {
    let reads = 0;
    const { clock, sent, run } = createClient(() => {
      reads++;
      return reads < 3
        ? Promise.reject(new RunlogError("platform-failed", "not now"))
        : Promise.resolve("t");
    }, "t");
    const running = run();
    for (let count = 1; count < 3; count++) {
      await waitFor(() => reads === count && clock.pending === 1);
      clock.advance(5_000);
    }
    await running;
    expect(sent).toHaveLength(1);
  });

  it("is not waited for when the request's signal aborts", async () => {
    const { clock, sent, call } = createClient(() => Promise.resolve("wrong"), "right");
    const abort = new AbortController();
    const calling = call(abort.signal);
    await waitFor(() => sent.length === 1 && clock.pending === 1);
    const reason = new Error("nobody waits");
    abort.abort(reason);
    expect(await reasonOf(calling)).toBe(reason);
    expect(clock.pending).toBe(0);
  });
});
