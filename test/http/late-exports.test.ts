import { expect, it, onTestFinished } from "vitest";
import { createMemoryLogStore } from "../../adapters/memory/index.ts";
import { finishedEvent, SessionClient, startedEvent } from "../contract/session-routes/harness.ts";
import { createTestServer } from "../support/test-server.ts";

it.each(["", "?format=ndjson", "?format=markdown"])(
  "an export%s that begins as the server ends its streams is broken off: what ends is whole",
  async (query) => {
    const server = await createTestServer({ store: createMemoryLogStore() });
    onTestFinished(() => server.dispose());
    const session = new SessionClient(server);
    await session.play([startedEvent(), finishedEvent()]);
    await server.service.close();
    const answer = await session.get(`/export${query}`);
    expect(answer.status).toBe(200);
    await expect(answer.text()).rejects.toThrow("broken off");
    expect(server.service.pacer.open).toBe(0);
  },
);
