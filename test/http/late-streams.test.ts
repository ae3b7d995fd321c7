import { describe, expect, it, onTestFinished } from "vitest";
import { createMemoryLogStore } from "../../adapters/memory/index.ts";
import {
  expectProblem,
  finishedEvent,
  SessionClient,
  startedEvent,
} from "../contract/session-routes/harness.ts";
import { createTestServer } from "../support/test-server.ts";
import { waitFor } from "../support/wait-for.ts";

type Ask = (session: SessionClient) => Promise<Response>;

/** What is answered with a stream that has no farewell. */
const ASKED: Readonly<Record<string, Ask>> = {
  "an export": (session) => session.get("/export"),
  "an export of lines": (session) => session.get("/export?format=ndjson"),
  "an export for people": (session) => session.get("/export?format=markdown"),
  "what a client connects to": (session) => session.post("/agui/connect", "{}"),
  "a run that a client joins": (session) => session.get("/agui/run?runId=r"),
  "a page of events": (session) => session.get("/agui/events/page"),
  "the messages": (session) => session.get("/agui/messages"),
};

async function startServer() {
  const store = createMemoryLogStore();
  const gate = { isShut: false };
  const stat: typeof store.stat = async (key) => {
    await waitFor(() => !gate.isShut);
    return store.stat(key);
  };
  const server = await createTestServer({ store: { ...store, stat } });
  onTestFinished(() => server.dispose());
  const session = new SessionClient(server);
  await session.play([startedEvent(), finishedEvent()]);
  return { gate, server, session };
}

describe.each(Object.entries(ASKED))("%s of a server that has ended its streams", (_, ask) => {
  it("is refused, so that it is asked for elsewhere", async () => {
    const { server, session } = await startServer();
    await server.service.close();
    const answer = await ask(session);
    expect(answer.headers.get("Retry-After")).toMatch(/^\d+$/);
    await expectProblem(answer, 503, "Server is shutting down");
    expect(server.service.pacer.open).toBe(0);
  });

  it("is refused where it was being opened", async () => {
    const { gate, server, session } = await startServer();
    gate.isShut = true;
    const asked = ask(session);
    const closed = server.service.close();
    await waitFor(() => server.service.pacer.hasEnded);
    gate.isShut = false;
    await closed;
    await expectProblem(await asked, 503, "Server is shutting down");
  });
});
