import { connect, type Socket } from "node:net";
import { text } from "node:stream/consumers";
import { describe, expect, it, onTestFinished } from "vitest";
import { createMemoryLogStore } from "../../adapters/memory/index.ts";
import { runBody, SessionClient } from "../contract/session-routes/harness.ts";
import { createManualClock } from "../support/manual-clock.ts";
import { listenTestServer } from "../support/test-server.ts";
import { waitFor } from "../support/wait-for.ts";

const LIMIT = 4_000;

async function start() {
  const clock = createManualClock();
  const store = createMemoryLogStore();
  const server = await listenTestServer({ store, clock, limits: { bodyBudgetBytes: LIMIT } });
  onTestFinished(() => server.dispose());
  const used = (bytes: number): Promise<unknown> =>
    waitFor(() => server.service.bodyBudget.usedBytes === bytes);
  /** Begins to send a body, and no more than begins. */
  function begin(headers: string, sent: string, session = "slow"): Socket {
    const socket = connect(server.port, "127.0.0.1");
    onTestFinished(() => void socket.destroy());
    const path = `/api/projects/p1/agentic-sessions/${session}/agui/run`;
    socket.write(
      `POST ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n${headers}\r\n\r\n${sent}`,
    );
    return socket;
  }
  return { ...server, clock, used, begin, session: new SessionClient(server) };
}

describe("those who send slowly (PROTOCOL 1.9)", () => {
  it.each<[string, string, string]>([
    ["stop before their last byte", "Content-Length: 1001", " ".repeat(1_000)],
    [
      "never say how much they send",
      "Transfer-Encoding: chunked",
      `3e8\r\n${" ".repeat(1_000)}\r\n`,
    ],
    ["send single bytes", "Transfer-Encoding: chunked", "1\r\n \r\n".repeat(1_000)],
  ])("give way to others when they %s, and hear why", async (_how, headers, sent) => {
    const { begin, clock, session, used } = await start();
    const slow = [];
    for (let i = 1; i <= 4; i++) {
      slow.push(begin(headers, sent));
      await used(i * 1_000);
    }
    const answers = Promise.race(slow.map((socket) => text(socket)));
    clock.advance(2_000);
    await session.run(runBody());
    const refused = await answers;
    expect(refused).toMatch(/^HTTP\/1\.1 408 /);
    expect(refused).toContain("The body came too slowly while others are waiting");
    expect(refused).toContain("application/problem+json");
  });

  it("keep their place as long as there is room for all", async () => {
    const { begin, clock, session, used } = await start();
    const body = runBody("slow");
    const socket = begin(`Connection: close\r\nContent-Length: ${body.length}`, body.slice(0, 10));
    const answer = text(socket);
    await used(10);
    clock.advance(200_000);
    await session.run(runBody());
    socket.write(body.slice(10));
    expect(await answer).toMatch(/^HTTP\/1\.1 200 /);
  });

  it("do not keep others waiting for ever: who comes gets room at once when they are 2 s old", async () => {
    const { begin, clock, session, used } = await start();
    begin("Content-Length: 4001", " ".repeat(LIMIT));
    await used(LIMIT);
    const posted = session.run(runBody());
    let isOver = false;
    posted.then(
      () => (isOver = true),
      () => (isOver = true),
    );
    await waitFor(() => {
      clock.advance(100);
      return isOver;
    });
    expect(await posted).toEqual({ runId: "r", threadId: "s1" });
  });
});
