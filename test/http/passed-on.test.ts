import { connect } from "node:net";
import { text } from "node:stream/consumers";
import { describe, expect, it, onTestFinished } from "vitest";
import { freePort } from "../../scripts/bench/loopback.ts";
import { createLocalAuthorizer } from "../../adapters/local/index.ts";
import { createMemoryObjectBucket } from "../../adapters/memory/index.ts";
import { createObjectLogStore } from "../../adapters/object/index.ts";
import { createPeerClient } from "../../src/entry/peer-client.ts";
import { systemClock } from "../../src/entry/system-clock.ts";
import type { CallerClaims } from "../../src/ports/authorizer.ts";
import type { LogStore } from "../../src/ports/log-store.ts";
import type { PeerAddress } from "../../src/ports/session-owner.ts";
import type { ScriptedExchange } from "../contract/runner-client.ts";
import {
  expectProblem,
  finishedEvent,
  runBody,
  SessionClient,
  startedEvent,
  tell,
} from "../contract/session-routes/harness.ts";
import { post, STREAM } from "../contract/session-routes/standard-client.ts";
import { StreamClient } from "../contract/session-routes/stream-client.ts";
import { createRecordingAudit } from "../support/recording-audit.ts";
import { createTestServer } from "../support/test-server.ts";
import { waitFor } from "../support/wait-for.ts";
import { createHttpServer } from "../../src/entry/http-server.ts";

const RUN = "/api/projects/p1/agentic-sessions/s1/agui/run";
const KEY = { project: "p1", session: "s1" };
const MIB = 1024 * 1024;

/** A server at an address that others are told, and what it believes of its callers. */
async function start(bucket = createMemoryObjectBucket(), name = "a") {
  const port = await freePort();
  const advertised: PeerAddress = { url: `http://127.0.0.1:${port}`, key: `secret-of-${name}` };
  const store = createObjectLogStore({ bucket, clock: systemClock, batchMs: 5, advertised });
  const peers = createPeerClient();
  const claims: CallerClaims[] = [];
  const audit = createRecordingAudit();
  const local = createLocalAuthorizer();
  const server = await createTestServer({
    store,
    authorizer: {
      ...local,
      identify: (given) => {
        claims.push(given);
        return local.identify(given);
      },
    },
    routes: { peers, peerKey: advertised.key, peerOf: () => `10.0.0.${name}`, audit },
  });
  const listening = createHttpServer(server.app.fetch);
  await new Promise<void>((resolve) => listening.listen(port, "127.0.0.1", resolve));
  onTestFinished(async () => {
    listening.closeAllConnections();
    listening.close();
    await server.dispose();
    await peers.close();
  });
  const reached = (path: string, init?: RequestInit): Promise<Response> =>
    fetch(`${advertised.url}${path}`, init);
  const session = new SessionClient({ ...server, fetch: reached });
  return {
    ...server,
    bucket,
    store,
    claims,
    audit,
    port,
    session,
    fetch: reached,
    url: advertised.url,
  };
}

async function pair() {
  const owner = await start();
  const other = await start(owner.bucket, "b");
  expect(await owner.store.acquire(KEY)).toEqual({ kind: "here" });
  return { owner, other };
}

const forwarded = (value: string) => ({ "X-Runlog-Forwarded": value });

describe("a request that another server passes on", () => {
  it("is recorded once, by the owner, with the address of its client", async () => {
    const { owner, other } = await pair();
    await other.session.run(runBody("r1"), { "X-Forwarded-User": "me" });
    await other.fetch(RUN.replace("/agui/run", ""), { method: "DELETE" });
    expect(owner.audit.entries).toMatchObject([
      { action: "run", outcome: "done", caller: "me", peer: "10.0.0.b" },
      { action: "delete", outcome: "begun", peer: "10.0.0.b" },
      { action: "delete", outcome: "done" },
    ]);
    expect(other.audit.entries).toEqual([]);
  });

  it("is answered by the owner, with the headers and the bytes of its client", async () => {
    const { owner, other } = await pair();
    owner.runner.script((exchange) => tell(exchange, [startedEvent("r1"), finishedEvent("r1")]));
    const headers = { Authorization: "Bearer my-token", "X-Forwarded-User": "me" };
    expect(await other.session.run(runBody("r1"), headers)).toMatchObject({ runId: "r1" });
    expect(owner.claims.at(-1)).toMatchObject({
      token: "my-token",
      forwardedUser: "me",
      peer: "10.0.0.b",
    });
    expect(other.runner.requests).toEqual([]);
    const posted = await other.session.post("/agui/run", "[]");
    await expectProblem(
      posted,
      400,
      ((await (await owner.session.post("/agui/run", "[]")).json()) as { detail: string }).detail,
    );
  });

  it("may be a push to the run with which a stream was created at the other server", async () => {
    const { owner, other } = await pair();
    const events = [startedEvent("r1"), finishedEvent("r1")] as const;
    const there = new StreamClient(other, "s2");
    expect((await there.send("PUT", `[${events[0]}]`)).status).toBe(201);
    const here = new StreamClient(owner, "s2");
    expect((await here.send("PUT", `[${events[0]}]`)).status).toBe(200);
    expect((await here.send("POST", events[1])).status).toBe(204);
    for (const stream of [here, there])
      expect((await stream.part()).text).toBe(`[${events.join(",")}]`);
  });

  it("is refused there as it would be at once: a body that is too large, no JSON, a page of another origin", async () => {
    const { other } = await pair();
    const large = await other.session
      .post("/agui/run", `"${"x".repeat(17 * MIB)}"`)
      .catch(() => null);
    // the connection may break while the rest is sent
    if (large) expect(large.status).toBe(413);
    const none = await other.fetch(RUN, {
      method: "POST",
      body: "x",
      headers: { "Content-Type": "text/plain" },
    });
    expect(none.status).toBe(415);
    const page = await other.session.post("/agui/run", runBody(), {
      Origin: "https://evil.example",
    });
    expect(page.status).toBe(403);
  });

  it("is streamed: an answer comes as it is made, and who leaves is missed at the owner", async () => {
    const { owner, other } = await pair();
    let runner: ScriptedExchange | null = null;
    owner.runner.script(async (exchange) => {
      await exchange.answer(200, { "Content-Type": "text/event-stream" });
      await exchange.write(`data: ${startedEvent("r1")}\n\n`);
      runner = exchange;
    });
    const sse = await post(other.session, "/agui/run", JSON.parse(runBody("r1")), STREAM);
    await sse.until(({ data }) => data.includes("RUN_STARTED"));
    expect(owner.service.pacer.open).toBe(1);
    expect(other.service.pacer.open).toBe(1);
    await sse.cancel();
    await waitFor(() => owner.service.pacer.open === 0 && other.service.pacer.open === 0);
    const running = await waitFor((): ScriptedExchange | null => runner);
    await running.write(`data: ${finishedEvent("r1")}\n\n`);
    await running.end();
    await other.session.settled("r1");
  });

  it("goes no further: a server that does not have the session says so, and has done nothing", async () => {
    const { owner, other } = await pair();
    for (const value of ["", "x", "secret-of-b 1.2.3.4"]) {
      const answer = await other.session.post("/agui/run", runBody("r1"), forwarded(value || "1"));
      expect(answer.status).toBe(421);
      await expectProblem(answer, 421, "This server does not have the session");
    }
    expect(owner.claims).toEqual([]);
    expect(await owner.store.stat(KEY)).toBeNull();
  });

  it("of a stranger is believed no more than any other: the address is that of who sent it", async () => {
    const { owner } = await pair();
    owner.runner.script((exchange) => tell(exchange, [startedEvent("r1"), finishedEvent("r1")]));
    for (const value of ["1.2.3.4", "secret-of-b 1.2.3.4", "secret-of-a", " 1.2.3.4"]) {
      await owner.session.run(runBody("r1"), forwarded(value));
      expect(owner.claims.at(-1)?.peer).toBe("10.0.0.a");
    }
    await owner.session.run(runBody("r1"), forwarded("secret-of-a 1.2.3.4"));
    expect(owner.claims.at(-1)?.peer).toBe("1.2.3.4");
    await owner.session.settled("r1");
  });

  it("is made again where its owner has just given the session up, and nothing of it is lost", async () => {
    const { owner, other } = await pair();
    other.runner.script((exchange) => tell(exchange, [startedEvent("r1"), finishedEvent("r1")]));
    owner.runner.script((exchange) => tell(exchange, [startedEvent("r1"), finishedEvent("r1")]));
    const socket = connect(other.port, "127.0.0.1");
    onTestFinished(() => void socket.destroy());
    const body = runBody("r1");
    socket.write(
      `POST ${RUN} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: ${body.length}\r\n\r\n${body.slice(0, 10)}`,
    );
    // on its way: the owner reads the body
    await waitFor(() => owner.claims.length > 0);
    await owner.service.store.leave();
    socket.write(body.slice(10));
    expect(await text(socket)).toContain(" 200 ");
    expect((await other.session.settled("r1")).at(-1)).toBe(finishedEvent("r1"));
  });

  it("waits for the owner that cannot be reached, until the session is free", async () => {
    const bucket = createMemoryObjectBucket();
    const gone = { url: `http://127.0.0.1:${await freePort()}`, key: "k" };
    const dead: LogStore = createObjectLogStore({ bucket, clock: systemClock, advertised: gone });
    await dead.acquire(KEY);
    const other = await start(bucket, "b");
    other.runner.script((exchange) => tell(exchange, [startedEvent("r1"), finishedEvent("r1")]));
    const posted = other.session.post("/agui/run", runBody("r1"));
    await waitFor(() => other.claims.length > 0);
    await dead.close();
    expect((await posted).status).toBe(200);
    await other.session.settled("r1");
  });
});
