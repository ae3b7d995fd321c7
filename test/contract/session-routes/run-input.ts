import { describe, expect, it } from "vitest";
import { waitFor } from "../wait-for.ts";
import {
  finishedEvent,
  type FreshServer,
  openRunner,
  SessionClient,
  type SessionRoutesHarness,
  startedEvent,
  tell,
} from "./harness.ts";
import { allOf, connect, type Event, json, post, STREAM, types } from "./standard-client.ts";

/** What a run is posted with beside its messages: where it is kept, and who is sent it. */
export function runInputSuite(fresh: FreshServer): void {
  describe("the input of a posted run (PROTOCOL 5.12, 11.13)", () => {
    const snapshot = (state: unknown): string => json({ type: "STATE_SNAPSHOT", snapshot: state });
    const delta = (value: unknown): string =>
      json({ type: "STATE_DELTA", delta: [{ op: "add", path: "/n", value }] });

    it(
      "is stored as it was posted, after the messages and before what the runner sends",
      fresh(async (server) => {
        const session = new SessionClient(server);
        const input = [
          `"tools":[{"name":"t","description":"d"}]`,
          `"forwarded_props" : { "b" : 1.0,\n "a":"\\u0041" }`,
          `"state":{"n":12345678901234567890, "e":1e2}`,
          `"context":[{"description":"d","value":"v"}]`,
          `"resume":[{"interruptId":"i","status":"resolved","payload":{"ok":true}}]`,
        ];
        const messages = `"messages":[{"id":"m","role":"user","content":"hi"}]`;
        await play(server, session, `{"runId":"r1",${messages},${input.join()}}`, []);
        const lines = await session.lines();
        expect(types(lines.map(parse))).toEqual([
          "MESSAGES_SNAPSHOT",
          "CUSTOM",
          "RUN_STARTED",
          "RUN_FINISHED",
        ]);
        const { timestamp } = parse(lines[1]);
        expect(lines[1]).toBe(
          `{"type":"CUSTOM","name":"runlog:run-input","threadId":"s1","runId":"r1","timestamp":${String(timestamp)},` +
            `"value":{"resume":[{"interruptId":"i","status":"resolved","payload":{"ok":true}}],` +
            `"state":{"n":12345678901234567890, "e":1e2},` +
            `"context":[{"description":"d","value":"v"}],` +
            `"forwardedProps":{ "b" : 1.0,  "a":"\\u0041" }}}`,
        );
        expect(await session.lines("")).toContain(lines[1]);
      }),
    );

    it(
      "is not stored where it says nothing, nor again when the run is posted again",
      fresh(async (server) => {
        const session = new SessionClient(server);
        const nothing = `"state":null,"context":[ ],"forwardedProps":{},"resume":null`;
        await play(server, session, `{"runId":"r1","messages":[],${nothing}}`, []);
        expect(await inputs(session)).toEqual([]);
        const body = `{"runId":"r2","messages":[],"state":{}}`;
        await play(server, session, body, []);
        await session.run(body);
        expect(await inputs(session)).toEqual([{ state: {} }]);
      }),
    );

    it(
      "is sent with RUN_STARTED, and a client that connects has the state",
      fresh(async (server) => {
        const session = new SessionClient(server);
        const input = {
          state: { a: 1 },
          context: [{ description: "d", value: "v" }],
          forwardedProps: { p: 1 },
          resume: [{ interruptId: "i", status: "cancelled" }],
        };
        await play(server, session, json({ runId: "r1", messages: [], ...input }), []);
        for (const protocolVersion of [null, "1.0"]) {
          const events = await connect(session, { protocolVersion });
          expect(types(events)).toEqual(["RUN_STARTED", "STATE_SNAPSHOT", "RUN_FINISHED"]);
          expect(events[0]?.["input"]).toEqual({
            threadId: "s1",
            runId: "r1",
            messages: [],
            tools: [],
            ...input,
          });
          expect(events[1]?.["snapshot"]).toEqual({ a: 1 });
        }
      }),
    );

    it(
      "gives the state that the agent's events change, whatever the view",
      fresh(async (server) => {
        const session = new SessionClient(server);
        const postRun = (runId: string, state: unknown, events: string[]): Promise<void> =>
          play(server, session, json({ runId, messages: [], state }), events);
        await postRun("r1", { a: 1 }, [delta(1)]);
        await expectState(session, { a: 1, n: 1 });
        await postRun("r2", { b: 2 }, []);
        await expectState(session, { b: 2 });
        await postRun("r3", null, [delta(3)]);
        await expectState(session, { b: 2, n: 3 });
        await postRun("r4", { c: 4 }, [snapshot({ said: true })]);
        await expectState(session, { said: true });
        await postRun("r5", {}, []);
        await expectState(session, {});
      }),
    );

    it(
      "of a run that waits is sent when that run begins, and not before",
      fresh(async (server) => {
        const session = new SessionClient(server);
        const first = `{"runId":"a","messages":[],"state":{"of":"a"}}`;
        const active = await openRunner(server, () => session.run(first));
        await active.write(`data: ${startedEvent("a")}\n\n`);
        server.runner.script((exchange) =>
          tell(exchange, [startedEvent("b"), delta(2), finishedEvent("b")]),
        );
        await session.run(`{"runId":"b","messages":[],"state":{"of":"b"}}`);
        await active.write(`data: ${delta(1)}\n\ndata: ${finishedEvent("a")}\n\n`);
        await active.end();
        await session.settled("b");
        const events = await connect(session);
        expect(events.map(({ type, snapshot: state }) => state ?? type)).toEqual([
          "RUN_STARTED",
          { of: "a" },
          "STATE_DELTA",
          "RUN_FINISHED",
          "RUN_STARTED",
          { of: "b" },
          "STATE_DELTA",
          "RUN_FINISHED",
        ]);
        await expectState(session, { of: "b", n: 2 });
      }),
    );

    it(
      "is said to the client that posts it, whose state it is; one that comes back is sent it",
      fresh(async (server) => {
        const session = new SessionClient(server);
        const body = { runId: "r1", messages: [], state: { a: 1 } };
        server.runner.script((exchange) =>
          tell(exchange, [startedEvent("r1"), finishedEvent("r1")]),
        );
        const own = await allOf(await post(session, "/agui/run", body, STREAM));
        expect(types(own)).toEqual(["RUN_STARTED", "RUN_FINISHED"]);
        expect(own[0]?.["input"]).toMatchObject({ state: { a: 1 } });
        const again = await allOf(await post(session, "/agui/run", body, STREAM));
        expect(types(again)).toEqual(["RUN_STARTED", "STATE_SNAPSHOT", "RUN_FINISHED"]);
      }),
    );

    it(
      "is stored without its largest members beyond 1 MiB, and says which",
      fresh(async (server) => {
        const session = new SessionClient(server);
        const large = "x".repeat(700_000);
        const props = { forwardedProps: { large: `${large}x` }, state: { large } };
        await play(server, session, json({ runId: "r1", messages: [], ...props }), [delta(1)]);
        expect(await inputs(session)).toEqual([{ state: { large }, leftOut: ["forwardedProps"] }]);
        await expectState(session, { large, n: 1 });
        const events = await connect(session, {}, "?view=raw");
        expect(events).toContainEqual({
          type: "CUSTOM",
          name: "runlog:run-input",
          value: { leftOut: ["forwardedProps"] },
        });
        // what the agent's changes are changes of is not known any more
        const state = { larger: large + large };
        await play(server, session, json({ runId: "r2", messages: [], state }), [delta(2)]);
        expect((await inputs(session))[1]).toEqual({ leftOut: ["state"] });
        const later = await connect(session, {}, "?view=raw");
        expect(later.filter(({ type }) => type === "RAW")).toHaveLength(1);
        const response = await session.post("/agui/connect?view=snapshot", "{}");
        expect(response.headers.get("X-Runlog-Replay")).toContain("snapshot-too-large");
        await response.body?.cancel();
        await play(server, session, json({ runId: "r3", messages: [], state: {} }), [delta(3)]);
        await expectState(session, { n: 3 });
      }),
    );

    it(
      "is stored without what is nested too deep for an event, and without credentials",
      fresh(async (server) => {
        const session = new SessionClient(server);
        const deep = `{"a":`.repeat(999) + "1" + "}".repeat(999);
        const props = {
          Authorization: "Bearer x",
          maxTokens: 5,
          config: { api_key: "k", access_token: { a: 1 }, model: "m" },
        };
        const rest = `"state":${deep},"forwardedProps":${json(props)}`;
        await play(server, session, `{"runId":"r1","messages":[],${rest}}`, []);
        expect(await inputs(session)).toEqual([
          {
            forwardedProps: {
              Authorization: null,
              maxTokens: 5,
              config: { api_key: null, access_token: null, model: "m" },
            },
            leftOut: [
              "state",
              "forwardedProps.Authorization",
              "forwardedProps.config.api_key",
              "forwardedProps.config.access_token",
            ],
          },
        ]);
        // the runner gets all of it
        expect(new TextDecoder().decode(server.runner.requests[0]?.body)).toContain(rest);
      }),
    );

    it(
      "is not believed from a runner, whose events stay as they are",
      fresh(async (server) => {
        const session = new SessionClient(server);
        const forged = (runId?: string): string =>
          json({
            type: "CUSTOM",
            name: "runlog:run-input",
            ...(runId !== undefined && { threadId: "s1", runId }),
            value: { state: { evil: true }, resume: [{ interruptId: "i", status: "resolved" }] },
          });
        const marker = json({ type: "CUSTOM", name: "runlog:from-runner", value: {} });
        const sent = [
          forged("r1"),
          marker,
          startedEvent("r1"),
          snapshot({ said: 0 }),
          delta(0),
          forged(),
          forged("r1"),
          forged("r2"),
          marker,
        ];
        const events = [...sent, finishedEvent("r1"), marker];
        const body = { runId: "r1", messages: [], state: { good: 1 } };
        await play(server, session, json(body), events, { isWhole: true });
        await play(server, session, json({ runId: "r2", messages: [], state: { good: 2 } }), []);
        const lines = await session.lines();
        for (const event of events) expect(lines).toContain(event);
        await expectState(session, { good: 2 });
        const started = (await connect(session)).filter(({ type }) => type === "RUN_STARTED");
        expect(started.map(({ input }) => (input as Event)["state"])).toEqual([
          { good: 1 },
          { good: 2 },
        ]);
        expect(json({ started })).not.toContain("resume");
        const raw = (await connect(session)).filter(({ type }) => type === "RAW");
        expect(raw).toHaveLength(sent.filter((event) => event.includes("runlog:")).length + 1);
        // nor where runs are compact, whose state may come later than its events
        await play(server, session, json({ runId: "r3", messages: [] }), [
          snapshot({ said: 1 }),
          delta(1),
          forged("r3"),
          marker,
          forged("r4"),
        ]);
        await waitFor(
          async () => (await session.lines("")).length < (await session.lines()).length,
        );
        await expectState(session, { said: 1, n: 1 });
      }),
    );
  });
}

/** Has the runner play the events of a posted run, with its start and end unless they are whole. */
async function play(
  server: SessionRoutesHarness,
  session: SessionClient,
  body: string,
  events: readonly string[],
  { isWhole = false }: { readonly isWhole?: boolean } = {},
): Promise<void> {
  const { runId } = JSON.parse(body) as { runId: string };
  const whole = isWhole ? events : [startedEvent(runId), ...events, finishedEvent(runId)];
  server.runner.script((exchange) => tell(exchange, whole));
  await session.run(body);
  await session.settled(runId);
}

function parse(line = "{}"): Event {
  return JSON.parse(line) as Event;
}

/** The values of the inputs in the log. */
async function inputs(session: SessionClient): Promise<unknown[]> {
  const events = (await session.lines()).map(parse);
  return events.filter(({ name }) => name === "runlog:run-input").map(({ value }) => value);
}

/** Expects clients that connect to end with this state. */
async function expectState(session: SessionClient, expected: Event): Promise<void> {
  for (const view of ["", "?view=raw", "?view=snapshot"]) {
    let state: Event = {};
    for (const { type, snapshot, delta } of await connect(session, {}, view)) {
      if (type === "STATE_SNAPSHOT") state = snapshot as Event;
      for (const { path, value } of (delta ?? []) as { path: string; value: unknown }[])
        state = { ...state, [path.slice(1)]: value };
    }
    expect(state, view).toEqual(expected);
  }
  const now = (await (await session.get("/agui/messages")).json()) as Event;
  expect(now["state"]).toEqual(expected);
}
