import { describe, expect, it } from "vitest";
import { createMemoryLogStore } from "../../adapters/memory/index.ts";
import { RunlogError } from "../../src/ports/errors.ts";
import type { LogStore } from "../../src/ports/log-store.ts";
import { answerJson, finishedEvent, SessionClient } from "../contract/session-routes/harness.ts";
import { createManualClock } from "../support/manual-clock.ts";
import { createTestServer, listenTestServer } from "../support/test-server.ts";

const SECRET = "no such file: /data/secret";
const SILENCE = new Promise<never>(() => {});
const META = '{"type":"META","metaType":"thumbs_up"}';

/** A store that fails by itself from the moment on that `isBroken` is set. */
function breakableStore() {
  const store = createMemoryLogStore();
  const state = { isBroken: false };
  const failure = (): RunlogError => new RunlogError("store-failed", SECRET);
  const breakable: LogStore = {
    ...store,
    read(key, options) {
      if (!state.isBroken) return store.read(key, options);
      return new ReadableStream({ type: "bytes", pull: (body) => body.error(failure()) });
    },
    append: (key, bytes, options) =>
      state.isBroken ? Promise.reject(failure()) : store.append(key, bytes, options),
  };
  return { store: breakable, state };
}

/** What came of a body before it broke. Fails if it did not break. */
async function readBroken({ body }: Response): Promise<string> {
  const reader = body?.getReader();
  const decoder = new TextDecoder();
  let text = "";
  const reading = (async () => {
    for (;;) {
      const chunk = await reader?.read();
      if (!chunk || chunk.done) return;
      text += decoder.decode(chunk.value, { stream: true });
    }
  })();
  await expect(reading).rejects.toThrow();
  return text;
}

describe("a store that does not answer", () => {
  it("is not ready, which is said although it says nothing", async () => {
    const clock = createManualClock();
    const asked = Promise.withResolvers<void>();
    const check = (): Promise<never> => {
      asked.resolve();
      return SILENCE;
    };
    const server = await createTestServer({ store: { ...createMemoryLogStore(), check }, clock });
    const answer = server.fetch("/ready");
    await asked.promise;
    clock.advance(5_000);
    const response = await answer;
    expect(response.status).toBe(503);
    expect(await response.json()).toEqual({ status: "unavailable", missing: ["store"] });
    await server.dispose();
  });

  it("leaves no export that looks whole when the server stops", async () => {
    const memory = createMemoryLogStore();
    const asked = Promise.withResolvers<void>();
    let isSilent = false;
    const store: LogStore = {
      ...memory,
      read(key, options) {
        if (!isSilent) return memory.read(key, options);
        asked.resolve();
        return new ReadableStream({ type: "bytes", pull: () => SILENCE });
      },
    };
    const server = await createTestServer({ store });
    const session = new SessionClient(server);
    await session.play([finishedEvent()]);
    isSilent = true;
    const reading = readBroken(await session.get("/export"));
    await asked.promise;
    await server.service.close();
    expect(await reading).toMatch(/"aguiEvents":\[$/);
    await server.dispose();
  });
});

describe("a store that fails", () => {
  it.each(["/agui/events", "/export"])(
    "breaks the stream of %s off after its headers, and is not told why",
    async (route) => {
      const { store, state } = breakableStore();
      const server = await listenTestServer({ store });
      const session = new SessionClient(server);
      await session.play([finishedEvent()]);
      state.isBroken = true;
      const response = await session.get(route, { "Accept-Encoding": "identity" });
      expect(response.status).toBe(200);
      expect(await readBroken(response)).not.toMatch(/Error|secret/);
      await server.dispose();
    },
  );

  it("does not undo feedback that the runner has", async () => {
    const { store, state } = breakableStore();
    const server = await listenTestServer({ store });
    const session = new SessionClient(server);
    const lines = await session.play([finishedEvent()]);
    server.runner.script((exchange) => answerJson(exchange, 200, { type: "RAW" }), "feedback");
    state.isBroken = true;
    const response = await session.post("/agui/feedback", META);
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({
      message: "Feedback sent but not persisted",
      status: "sent",
    });
    state.isBroken = false;
    expect(await session.lines()).toEqual(lines);
    expect((await session.post("/agui/feedback", META)).status).toBe(200);
    expect(await session.lines()).toEqual([...lines, META, '{"type":"RAW"}']);
    await server.dispose();
  });
});
