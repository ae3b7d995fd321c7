import { describe, expect, it } from "vitest";
import { after, reader, readAll, relayBench as bench, textsOf } from "../../support/relay-bench.ts";
import type { ScriptedAgent } from "../../support/scripted-agent.ts";
import { waitFor } from "../../support/wait-for.ts";

describe("a full spool", () => {
  const EVENT = { type: "CUSTOM", value: "x".repeat(60_000) };
  const LIMIT = 1024 * 1024;

  /** Sends events until the agent is held; resolves with how many it has begun to send. */
  async function sendUntilHeld(agent: ScriptedAgent, index: number): Promise<number> {
    const call = await agent.call(index);
    let sent = 0;
    let sending = false;
    await waitFor(
      () => {
        if (call.isHeld || sending) return sending && call.isHeld;
        sending = true;
        sent++;
        void call.send({ ...EVENT, sent }).then(() => {
          sending = false;
        });
        return false;
      },
      { what: "an agent that is held" },
    );
    return sent;
  }

  it("holds the agent until its client has come back, and nothing is lost", async () => {
    const { agent, post, request } = await bench({ maxBytes: LIMIT });
    await (await post("r1")).body?.cancel();
    const call = await agent.call(0);
    for (let n = 0; n < 15; n++) await call.send({ ...EVENT, n });
    const more = Array.from({ length: 30 }, (_, index) => index + 15);
    const sent = (async () => {
      for (const n of more) await call.send({ ...EVENT, n });
      await call.end();
    })();
    await waitFor(() => call.isHeld, { what: "an agent that is held" });
    const events = await readAll(await request("/runs/r1/events"));
    await sent;
    expect(events.map(({ data }) => JSON.parse(data).n)).toEqual([...Array(45).keys()]);
  });

  it("drops what a client has acknowledged before it holds anybody", async () => {
    const { agent, post, request } = await bench({ maxBytes: LIMIT });
    const sse = reader(await post("r1"));
    const call = await agent.call(0);
    let id = "";
    for (let n = 0; n < 60; n++) {
      await call.send({ ...EVENT, n });
      id = (await sse.event())?.id ?? "";
      await request("/runs/r1", { method: "DELETE", ...after(id) });
    }
    await sse.cancel();
    await call.send({ n: 60 });
    await call.end();
    expect(textsOf(await readAll(await request("/runs/r1/events", after(id))))).toEqual([
      '{"n":60}',
    ]);
    expect((await request("/runs/r1/events")).status).toBe(410);
  });

  it("forgets runs that a client has had to their end before it holds anybody", async () => {
    const { agent, post, request } = await bench({ maxBytes: LIMIT });
    for (let run = 0; run < 4; run++) {
      const response = await post(`r${run}`);
      const call = await agent.call(run);
      const events = readAll(response);
      for (let n = 0; n < 8; n++) await call.send({ ...EVENT, n });
      await call.end();
      expect(await events).toHaveLength(8);
    }
    expect((await request("/runs/r0/events")).status).toBe(404);
    expect(await readAll(await request("/runs/r3/events"))).toHaveLength(8);
  });

  it("keeps what no client has had, and holds every agent", async () => {
    const { agent, post, request } = await bench({ maxBytes: LIMIT });
    await (await post("r1")).body?.cancel();
    const sent = await sendUntilHeld(agent, 0);
    await (await post("r2")).body?.cancel();
    const other = await agent.call(1);
    await Promise.race([
      other
        .send(EVENT)
        .then(() => other.send(EVENT))
        .then(() => other.send(EVENT)),
      waitFor(() => other.isHeld),
    ]);
    const sse = reader(await request("/runs/r1/events"));
    const events = await sse.events(sent);
    expect(events.map(({ data }) => JSON.parse(data).sent)).toEqual(
      Array.from({ length: sent }, (_, index) => index + 1),
    );
  });
});
