import { describe, expect, it } from "vitest";
import {
  expectProblem,
  finishedEvent,
  type FreshServer,
  ODD_EVENTS,
  openRunner,
  runBody,
  SessionClient,
  type SessionRoutesHarness,
  startedEvent,
  tell,
} from "./harness.ts";
import { ProjectClient } from "./project-client.ts";
import { eventsIn, StreamClient } from "./stream-client.ts";

const custom = (value: unknown): string => JSON.stringify({ type: "CUSTOM", name: "n", value });

/** An agent that pushes what it does. */
export class PushingAgent {
  readonly stream: StreamClient;
  readonly #id: string;
  epoch = 0;
  seq = 0;

  constructor(server: SessionRoutesHarness, id = "job-1", session = "s1") {
    this.stream = new StreamClient(server, session);
    this.#id = id;
  }

  /** Sends the next batch. */
  push(events: readonly string[]): Promise<Response> {
    return this.pushAs(events, { epoch: this.epoch, seq: this.seq++ });
  }

  /** Sends a batch, whichever it is. */
  pushAs(
    events: readonly string[],
    { epoch = this.epoch, seq }: { readonly epoch?: number; readonly seq: number },
  ): Promise<Response> {
    return this.stream.send("POST", `[${events.join(",")}]`, {
      "Producer-Id": this.#id,
      "Producer-Epoch": String(epoch),
      "Producer-Seq": String(seq),
    });
  }

  /** Sends the next batch, and expects it to be stored. */
  async stored(events: readonly string[]): Promise<void> {
    const response = await this.push(events);
    expect(response.status, await response.text()).toBe(200);
  }
}

export function pushedRunsSuite(fresh: FreshServer): void {
  /** A server with a session, created as a stream. */
  const withStream = (
    body: (server: SessionRoutesHarness) => Promise<void>,
  ): (() => Promise<void>) =>
    fresh(async (server) => {
      const response = await new StreamClient(server).send("PUT");
      expect(response.status, await response.text()).toBe(201);
      await body(server);
    });

  describe("Durable Streams: a session is created and deleted (PROTOCOL 23.6)", () => {
    it(
      "PUT creates it once, DELETE removes it",
      fresh(async (server) => {
        const stream = new StreamClient(server, "thread_A");
        for (const body of [null, "[]", " [ ] "]) {
          const response = await stream.send("PUT", body);
          expect(response.status).toBe(body === null ? 201 : 200);
          expect(response.headers.get("Content-Type")).toBe("application/json");
          expect(response.headers.get("Stream-Next-Offset")).toMatch(/^[a-z0-9]{16}_0{16}$/);
          expect(response.headers.get("Location")).toEqual(
            body === null ? expect.stringMatching(/\/v1\/streams\/p1\/thread_A$/) : null,
          );
        }
        expect(await new ProjectClient(server).names()).toEqual(["thread_A"]);
        expect(await stream.part()).toMatchObject({ status: 200, text: "[]", isUpToDate: true });
        expect((await stream.fetch("", { method: "DELETE" })).status).toBe(204);
        await expectProblem(await stream.fetch(), 404, "Session not found");
        const again = await stream.fetch("", { method: "DELETE" });
        await expectProblem(again, 404, "Session not found");
        expect((await stream.fetch("", { method: "PUT" })).status).toBe(201);
      }),
    );

    it(
      "what a session cannot be is refused, and makes none",
      fresh(async (server) => {
        const stream = new StreamClient(server);
        const text = await stream.send("PUT", null, { "Content-Type": "text/plain" });
        await expectProblem(text, 415, /application\/json/);
        for (const [content, reason] of [
          [`[${custom(1)},7]`, /event 1 is not a JSON object/],
          [`[${finishedEvent()}]`, /RUN_FINISHED of no open run/],
          ['[{"type":', /event 0 is not a JSON object/],
        ] as const)
          await expectProblem(await stream.send("PUT", content), 400, reason);
        for (const [name, value] of [
          ["Stream-TTL", "60"],
          ["Stream-Expires-At", "2030-01-01T00:00:00Z"],
          ["Stream-Forked-From", "/v1/streams/p1/s2"],
          ["Stream-Closed", "true"],
        ] as const)
          await expectProblem(
            await stream.send("PUT", null, { [name]: value }),
            400,
            /not offered|stays open/,
          );
        await expectProblem(await stream.send("POST", startedEvent()), 404, "Session not found");
        expect(await new ProjectClient(server).names()).toEqual([]);
        await stream.send("PUT");
        const other = await stream.send("PUT", null, { "Content-Type": "text/plain" });
        await expectProblem(other, 409, /application\/json/);
      }),
    );
  });

  describe("Durable Streams: a session is created with events (PROTOCOL 23.6)", () => {
    it(
      "which are its first, and stay the only ones when it is created again",
      fresh(async (server) => {
        const stream = new StreamClient(server);
        const events = [startedEvent(), ...ODD_EVENTS];
        const created = await stream.send("PUT", `[${events.join(",")}]`);
        expect(created.status, await created.text()).toBe(201);
        const { text, next } = await stream.part();
        expect(text).toBe(`[${events.join(",")}]`);
        expect(created.headers.get("Stream-Next-Offset")).toBe(next);
        const again = await stream.send("PUT", `[${custom(2)}]`);
        expect(again.status).toBe(200);
        expect(again.headers.get("Stream-Next-Offset")).toBe(next);
        // the run is like any that is pushed without a producer
        expect((await stream.send("POST", finishedEvent())).status).toBe(204);
        expect((await stream.part()).text).toBe(`[${[...events, finishedEvent()].join(",")}]`);
      }),
    );

    it(
      "of which one that is there and empty has to be sent",
      withStream(async (server) => {
        const stream = new StreamClient(server);
        await expectProblem(await stream.send("PUT", custom(1)), 409, /is empty: POST its events/);
        expect((await stream.part()).text).toBe("[]");
        expect((await stream.send("POST", custom(1))).status).toBe(204);
        expect((await stream.send("PUT", custom(1))).status).toBe(200);
        expect((await stream.part()).text).toBe(`[${custom(1)}]`);
      }),
    );
  });

  describe("Durable Streams: an agent pushes a run (PROTOCOL 23.7)", () => {
    it(
      "whose events are stored as they are, and which is like any run",
      withStream(async (server) => {
        const agent = new PushingAgent(server);
        const session = new SessionClient(server);
        const { sse } = await session.watch("?view=raw");
        await agent.stored([startedEvent("r1")]);
        expect(await session.agentStatus()).toBe("working");
        const document = await (await session.get("")).json();
        expect(document).toMatchObject({
          status: { activeRun: { runId: "r1", threadId: "s1" }, agentStatus: "working" },
        });
        const response = await agent.push(ODD_EVENTS);
        expect(response.headers.get("Producer-Epoch")).toBe("0");
        expect(response.headers.get("Producer-Seq")).toBe("1");
        const next = response.headers.get("Stream-Next-Offset");
        expect(await agent.stream.part("?offset=now")).toMatchObject({ next });
        await agent.stored([finishedEvent("r1")]);
        const events = [startedEvent("r1"), ...ODD_EVENTS, finishedEvent("r1")];
        expect(await session.lines()).toEqual(events);
        expect((await sse.events(events.length)).map(({ data }) => data)).toEqual(events);
        await sse.cancel();
        expect(await session.agentStatus()).toBe("idle");
        const run = await new StreamClient(server, "s1/runs/r1").part();
        expect(run).toMatchObject({ text: `[${events.join(",")}]`, isClosed: true });
      }),
    );

    it(
      "exactly once, however often a batch comes",
      withStream(async (server) => {
        const agent = new PushingAgent(server);
        await agent.stored([startedEvent("r1")]);
        await agent.stored([custom(1)]);
        for (const seq of [0, 1, 1, 0]) {
          const again = await agent.pushAs([custom("other")], { seq });
          expect(again.status).toBe(204);
          expect(again.headers.get("Producer-Seq")).toBe("1");
        }
        const gap = await agent.pushAs([custom(3)], { seq: 3 });
        expect(gap.headers.get("Producer-Expected-Seq")).toBe("2");
        expect(gap.headers.get("Producer-Received-Seq")).toBe("3");
        await expectProblem(gap, 409, /Batch 2/);
        await expectProblem(await agent.pushAs([custom(3)], { epoch: 1, seq: 1 }), 400, /Epoch/);
        agent.epoch = 1;
        agent.seq = 0;
        await agent.stored([custom(2)]);
        const old = await agent.pushAs([custom("late")], { epoch: 0, seq: 2 });
        expect(old.headers.get("Producer-Epoch")).toBe("1");
        await expectProblem(old, 403, /epoch 1/);
        await agent.stored([finishedEvent("r1")]);
        expect((await agent.pushAs([custom("late")], { seq: 1 })).status).toBe(204);
        const events = [startedEvent("r1"), custom(1), custom(2), finishedEvent("r1")];
        expect(await new SessionClient(server).lines()).toEqual(events);
      }),
    );

    it(
      "of batches that come at once and in any order the log has each once, in their order",
      withStream(async (server) => {
        const agent = new PushingAgent(server);
        await agent.stored([startedEvent("r1")]);
        const sent = Array.from({ length: 20 }, (_, i) => i + 1);
        const send = async (seq: number): Promise<void> => {
          for (;;) {
            const { status } = await agent.pushAs([custom(seq)], { seq });
            if (status === 200 || status === 204) return;
            expect(status).toBe(409);
          }
        };
        await Promise.all([...sent.toReversed(), ...sent].map(send));
        agent.seq = 21;
        await agent.stored([finishedEvent("r1")]);
        const events = [startedEvent("r1"), ...sent.map(custom), finishedEvent("r1")];
        expect(await new SessionClient(server).lines()).toEqual(events);
      }),
    );

    it(
      "a batch may have a whole run, several, or the end of one and the beginning of the next",
      withStream(async (server) => {
        const agent = new PushingAgent(server);
        const run = (id: string): string[] => [startedEvent(id), custom(id), finishedEvent(id)];
        await agent.stored(run("r1"));
        await agent.stored([...run("r2"), custom("between"), startedEvent("r3")]);
        await agent.stored([finishedEvent("r3"), startedEvent("r4")]);
        const session = new SessionClient(server);
        expect(await session.agentStatus()).toBe("working");
        await agent.stored([custom("r4"), finishedEvent("r4")]);
        expect(await session.agentStatus()).toBe("idle");
        for (const runId of ["r1", "r2", "r3", "r4"]) {
          const { text, isClosed } = await new StreamClient(server, `s1/runs/${runId}`).part();
          expect(isClosed).toBe(true);
          expect(text).toContain(finishedEvent(runId));
          expect(text).not.toContain("between");
        }
        const whole = await agent.stream.catchUp();
        expect(eventsIn(whole.texts)).toBe((await session.lines()).join(","));
      }),
    );

    it(
      "what is no run is refused as a whole, and the batch may be sent again",
      withStream(async (server) => {
        const agent = new PushingAgent(server);
        const bad: readonly (readonly [string[], RegExp])[] = [
          [[custom(1), finishedEvent("r1")], /event 1: RUN_FINISHED of no open run/],
          [[startedEvent("r1"), startedEvent("r2")], /event 1: run r1 is open/],
          [[startedEvent("r1"), finishedEvent("r2")], /event 1: RUN_FINISHED of another run/],
          [['{"type":"RUN_STARTED"}'], /has no runId/],
          [[startedEvent("x".repeat(257))], /of 1 to 256 bytes/],
          [[startedEvent("r1"), "1"], /event 1 is not a JSON object/],
          [[startedEvent("r1"), "[]"], /event 1 is not a JSON object/],
          [[startedEvent("r1"), ""], /not JSON|not a JSON object/],
          [["{", startedEvent("r1")], /not a JSON object/],
          [[], /no event/],
        ];
        for (const [events, text] of bad)
          await expectProblem(await agent.pushAs(events, { seq: 0 }), 400, text);
        for (const body of ["", " ", "[", `[${custom(1)} ${custom(2)}]`, `[${custom(1)}]x`, "nope"])
          await expectProblem(await agent.stream.send("POST", body), 400, /^invalid input/);
        expect(await new SessionClient(server).lines()).toEqual([]);
        await agent.stored([startedEvent("r1"), finishedEvent("r1")]);
        await expectProblem(await agent.push([startedEvent("r1")]), 400, /has had run r1/);
      }),
    );

    it(
      "bad headers are refused",
      withStream(async (server) => {
        const { stream } = new PushingAgent(server);
        const producer = { "Producer-Id": "p", "Producer-Epoch": "0", "Producer-Seq": "0" };
        for (const name of Object.keys(producer)) {
          const without = Object.entries(producer).filter(([one]) => one !== name);
          const response = await stream.send("POST", startedEvent(), Object.fromEntries(without));
          await expectProblem(response, 400, /come together/);
        }
        for (const [name, value] of [
          ["Producer-Id", ""],
          ["Producer-Epoch", "-1"],
          ["Producer-Epoch", "1.0"],
          ["Producer-Seq", "9007199254740993"],
          ["Producer-Seq", "x"],
          ["Producer-Seq", "01"],
        ] as const) {
          const headers = { ...producer, [name]: value };
          await expectProblem(await stream.send("POST", startedEvent(), headers), 400, /Producer-/);
        }
        for (const name of ["Stream-Seq", "Stream-Closed"]) {
          const response = await stream.send("POST", startedEvent(), { [name]: "true" });
          await expectProblem(response, 400, /not offered|stays open/);
        }
        const text = await stream.send("POST", startedEvent(), { "Content-Type": "text/plain" });
        await expectProblem(text, 409, /application\/json/);
        expect(await new SessionClient(server).lines()).toEqual([]);
      }),
    );

    it(
      "without a producer's name an append is one all the same, and line breaks within events are spaces",
      withStream(async (server) => {
        const stream = new StreamClient(server);
        const pretty = JSON.stringify({ type: "CUSTOM", name: "n", value: "a\nb" }, null, 1);
        for (const body of [startedEvent("r1"), `[\n${pretty} ,\r\n${custom(2)}\n]`]) {
          const response = await stream.send("POST", body);
          expect(response.status, await response.text()).toBe(204);
          expect(response.headers.get("Stream-Next-Offset")).toMatch(/_\d{16}$/);
        }
        await stream.send("POST", finishedEvent("r1"));
        expect(await new SessionClient(server).lines()).toEqual([
          startedEvent("r1"),
          pretty.replaceAll("\n", " "),
          custom(2),
          finishedEvent("r1"),
        ]);
      }),
    );

    it(
      "an event under a name of the server's own is said to be the agent's",
      withStream(async (server) => {
        const agent = new PushingAgent(server);
        const own = '{"type":"CUSTOM","name":"runlog:run-input","value":{}}';
        await agent.stored([startedEvent("r1"), own, finishedEvent("r1")]);
        const lines = await new SessionClient(server).lines();
        expect(lines[1]).toContain("runlog:from-runner");
        expect(lines[2]).toBe(own);
      }),
    );

    it(
      "while a run of a runner is active, pushed ones are asked to come again; posted ones wait for pushed ones",
      withStream(async (server) => {
        const session = new SessionClient(server);
        const agent = new PushingAgent(server);
        await agent.stored([startedEvent("pushed")]);
        server.runner.script((exchange) =>
          tell(exchange, [startedEvent("posted"), finishedEvent("posted")]),
        );
        await session.run(runBody("posted"));
        expect(server.runner.requests).toEqual([]);
        const other = new PushingAgent(server, "job-2");
        const refused = await other.pushAs([startedEvent("other")], { seq: 0 });
        expect(refused.headers.get("Retry-After")).toMatch(/^\d+$/);
        await expectProblem(refused, 503, /active/);
        await agent.stored([custom(1), finishedEvent("pushed")]);
        await session.settled("posted");
        const open = await openRunner(server, () => session.run(runBody("open")));
        await open.write(`data: ${startedEvent("open")}\n\n`);
        await expectProblem(await other.pushAs([startedEvent("other")], { seq: 0 }), 503, /active/);
        await open.end();
        const types = (await session.lines()).map((line) => JSON.parse(line) as { runId?: string });
        expect(types.filter(({ runId }) => runId === "other")).toEqual([]);
      }),
    );

    it(
      "it can be cancelled, and then its producer is told so",
      withStream(async (server) => {
        const session = new SessionClient(server);
        const agent = new PushingAgent(server);
        await agent.stored([startedEvent("r1"), custom(1)]);
        const response = await session.post("/agui/cancel", '{"runId":"r1"}');
        expect(response.status).toBe(200);
        const lines = await session.settled("r1");
        expect(lines.at(-1)).toContain('"outcome":{"type":"cancelled"}');
        await expectProblem(await agent.push([custom(2)]), 410, /has ended/);
        agent.epoch++;
        agent.seq = 0;
        await agent.stored([startedEvent("r2"), finishedEvent("r2")]);
        expect(await session.agentStatus()).toBe("idle");
      }),
    );

    it(
      "a producer that has started anew with another run ends the one that it left",
      withStream(async (server) => {
        const agent = new PushingAgent(server);
        await agent.stored([startedEvent("r1"), custom(1)]);
        agent.epoch = 1;
        agent.seq = 0;
        await agent.stored([startedEvent("r2"), custom(2)]);
        await agent.stored([finishedEvent("r2")]);
        const session = new SessionClient(server);
        const events = (await session.lines()).map((line) => JSON.parse(line) as object);
        expect(events).toMatchObject([
          { type: "RUN_STARTED", runId: "r1" },
          { value: 1 },
          { type: "RUN_ERROR", runId: "r1", code: "producer-lost" },
          { type: "RUN_STARTED", runId: "r2" },
          { value: 2 },
          { type: "RUN_FINISHED", runId: "r2" },
        ]);
        expect(await session.agentStatus()).toBe("idle");
      }),
    );

    it(
      "the session may be deleted in mid-run",
      withStream(async (server) => {
        const agent = new PushingAgent(server);
        await agent.stored([startedEvent("r1")]);
        expect((await agent.stream.fetch("", { method: "DELETE" })).status).toBe(204);
        await expectProblem(await agent.push([custom(1)]), 404, "Session not found");
        await agent.stream.send("PUT");
        await agent.stream.send("POST", startedEvent("r1"));
        expect(await new SessionClient(server).lines()).toEqual([startedEvent("r1")]);
      }),
    );

    it(
      "of many producers each is remembered, and those that are long gone make room",
      withStream(async (server) => {
        for (let i = 0; i < 40; i++) {
          const agent = new PushingAgent(server, `job-${i} ${"long ".repeat(i)}`.trim());
          await agent.stored([startedEvent(`r${i}`)]);
          await agent.stored([finishedEvent(`r${i}`)]);
          expect((await agent.pushAs([custom("again")], { seq: 1 })).status).toBe(204);
        }
        expect((await new SessionClient(server).lines()).length).toBe(80);
      }),
    );
  });
}
