import { describe, expect, it } from "vitest";
import { RunlogError } from "../../../src/ports/errors.ts";
import { createMemorySpool } from "../../../src/relay/index.ts";
import type { SseEvent } from "../../contract/read-sse.ts";
import { after, reader, readAll, relayBench as bench, textsOf } from "../../support/relay-bench.ts";
import { waitFor } from "../../support/wait-for.ts";

const HOUR_MS = 3_600_000;

describe("a run through a relay", () => {
  it("is the agent's answer, with an id in each frame and the sign that it can be resumed", async () => {
    const { agent, post } = await bench();
    const response = await post("r1", { "X-Own": "1" });
    const call = await agent.call(0);
    expect(call.url).toBe("http://agent.test/base");
    expect(call.headers.get("X-Own")).toBe("1");
    expect(new TextDecoder().decode(call.init.body as Uint8Array)).toBe(
      '{"runId":"r1","threadId":"t1"}',
    );
    expect(response.status).toBe(200);
    expect(response.headers.get("X-Runlog-Resume")).toBe("1");
    expect(response.headers.get("X-Agent")).toBe("yes");
    await call.send({ n: 1 }, { n: 2 });
    await call.end();
    const events = await readAll(response);
    expect(textsOf(events)).toEqual(['{"n":1}', '{"n":2}']);
    expect(new Set(events.map(({ id }) => id)).size).toBe(2);
  });

  it("goes on without its client, which takes it up again after any frame", async () => {
    const { agent, post, request } = await bench();
    const sse = reader(await post("r1"));
    const call = await agent.call(0);
    await call.send({ n: 1 });
    const first = await sse.event();
    await sse.cancel();
    await call.send({ n: 2 }, { n: 3 });
    expect(call.isCancelled).toBe(false);
    const again = await request("/runs/r1/events", after(first?.id ?? ""));
    expect(again.headers.get("X-Runlog-Resume")).toBe("1");
    const rest = reader(again);
    const [second] = await rest.events(2);
    await call.send({ n: 4 });
    await call.end();
    expect(textsOf([(await rest.event())!])).toEqual(['{"n":4}']);
    expect(await rest.event()).toBeNull();
    const late = await readAll(await request("/runs/r1/events", after(second?.id ?? "")));
    expect(textsOf(late)).toEqual(['{"n":3}', '{"n":4}']);
    expect(await readAll(await request("/runs/r1/events"))).toHaveLength(4);
  });

  it("is posted to the agent once, however often its client posts it", async () => {
    const { agent, post } = await bench();
    const [one, two] = await Promise.all([post("r1"), post("r1")]);
    const call = await agent.call(0);
    await call.send({ n: 1 });
    await call.end();
    const events = await readAll(one);
    expect(await readAll(two)).toEqual(events);
    expect(await readAll(await post("r1"))).toEqual(events);
    expect(agent.calls).toHaveLength(1);
  });

  it("is not known when the agent has refused it, and may be posted again", async () => {
    const { agent, post, request } = await bench();
    agent.answer = () => Response.json({ detail: "no messages" }, { status: 422 });
    const refused = await post("r1");
    expect(refused.status).toBe(422);
    expect(await refused.json()).toEqual({ detail: "no messages" });
    expect(refused.headers.get("X-Runlog-Resume")).toBeNull();
    expect((await request("/runs/r1/events")).status).toBe(404);
    agent.answer = () => Promise.reject(new TypeError("fetch failed"));
    expect((await post("r1")).status).toBe(502);
    agent.answer = () => null;
    expect((await post("r1")).headers.get("X-Runlog-Resume")).toBe("1");
  });

  it("without an id that a path can name passes through as it is", async () => {
    const { agent, request } = await bench();
    for (const body of ["{}", "no JSON", '{"runId":".."}', '{"runId":"\\ud800"}', '{"runId":7}']) {
      const response = await request("/", { method: "POST", body });
      const call = await agent.call(agent.calls.length - 1);
      expect(response.headers.get("X-Runlog-Resume")).toBeNull();
      await Promise.all([call.end(), response.text()]);
    }
    expect(agent.calls).toHaveLength(5);
  });

  it("may have a body that is larger than what is kept in memory", async () => {
    const { agent, request } = await bench();
    const body = JSON.stringify({ messages: "x".repeat(3_000_000), runId: "r1" });
    const bodies: string[] = [];
    agent.answer = async (_url, init) => {
      bodies.push(await new Response(init.body as ReadableStream).text());
      expect(new Headers(init.headers).get("Content-Length")).toBe(String(body.length));
      return null;
    };
    const response = await request("/", { method: "POST", body });
    expect(bodies).toEqual([body]);
    await (await agent.call(0)).end();
    expect(await readAll(response)).toEqual([]);
    expect((await request("/runs/r1/events")).status).toBe(200);
  });

  it("that is packed passes through, since nobody can read it on the way", async () => {
    const { agent, post } = await bench();
    const headers = { "Content-Type": "text/event-stream", "Content-Encoding": "zstd" };
    agent.answer = () => new Response("packed", { headers });
    const response = await post("r1");
    expect(response.headers.get("Content-Encoding")).toBe("zstd");
    expect(response.headers.get("X-Runlog-Resume")).toBeNull();
    expect(await response.text()).toBe("packed");
  });

  it("ends with an error of its own where the agent's stream breaks off", async () => {
    const { agent, post, clock } = await bench();
    const response = await post("r1");
    const call = await agent.call(0);
    await call.send({ type: "RUN_STARTED" });
    const sse = reader(response);
    await sse.event();
    call.breakOff();
    const event = JSON.parse((await sse.event())?.data ?? "");
    expect(event).toEqual({
      type: "RUN_ERROR",
      code: "agent-disconnected",
      message: expect.any(String),
      runId: "r1",
      threadId: "t1",
      timestamp: clock.now(),
    });
    expect(await sse.event()).toBeNull();
  });

  it.each([[["RUN_FINISHED"]], [["RUN_FINISHED", "CUSTOM"]], [["RUN_STARTED", "RUN_ERROR"]]])(
    "that had come to its end by %j gets no other one when the stream breaks off",
    async (types) => {
      const { agent, post, request } = await bench();
      const sse = reader(await post("r1"));
      const call = await agent.call(0);
      await call.send(...types.map((type) => ({ type })));
      await sse.events(types.length);
      call.breakOff();
      expect(await sse.event()).toBeNull();
      expect(await readAll(await request("/runs/r1/events"))).toHaveLength(types.length);
    },
  );

  it("that is deleted is forgotten, and broken off for the agent if it is open", async () => {
    const { agent, post, request } = await bench();
    const open = await post("r1");
    const call = await agent.call(0);
    await call.send({ n: 1 });
    expect((await request("/runs/r1", { method: "DELETE" })).status).toBe(204);
    await waitFor(() => call.isCancelled, { what: "the agent's stream to be broken off" });
    await expect(open.text()).rejects.toThrow();
    expect((await request("/runs/r1/events")).status).toBe(404);
    expect((await request("/runs/r1", { method: "DELETE" })).status).toBe(204);
    await post("r1");
    expect(agent.calls).toHaveLength(2);
  });

  it("is acknowledged in part by a delete with an id, and whole by one with its last id", async () => {
    const { agent, post, request } = await bench();
    const response = await post("r1");
    const call = await agent.call(0);
    await call.send({ n: 1 }, { n: 2 });
    const sse = reader(response);
    const [first, last] = await sse.events(2);
    const acknowledge = (id = ""): Promise<Response> =>
      request("/runs/r1", { method: "DELETE", ...after(id) });
    expect((await acknowledge(first?.id)).status).toBe(204);
    expect((await acknowledge(last?.id)).status).toBe(204);
    expect(call.isCancelled).toBe(false);
    await call.end();
    expect(await sse.event()).toBeNull();
    expect((await acknowledge("another")).status).toBe(204);
    expect((await request("/runs/r1/events")).status).toBe(200);
    await acknowledge(last?.id);
    expect((await request("/runs/r1/events")).status).toBe(404);
  });

  it("is refused with 503 where the spool cannot keep it, and the agent is not asked", async () => {
    const broken = createMemorySpool();
    broken.create = () => Promise.reject(new RunlogError("store-full", "The disk is full"));
    const { agent, post } = await bench({ spool: broken });
    const refused = await post("r1");
    expect([refused.status, refused.headers.get("Retry-After")]).toEqual([503, "5"]);
    expect(agent.calls).toHaveLength(0);
  });

  it("holds the agent while the spool fails, and goes on where it was", async () => {
    const spool = createMemorySpool();
    let failures = 0;
    const create = spool.create.bind(spool);
    spool.create = async (info) => {
      const log = await create(info);
      const append = log.append.bind(log);
      log.append = async (bytes) => {
        if (failures-- > 0) throw new RunlogError("store-full", "The disk is full");
        await append(bytes);
      };
      return log;
    };
    const { agent, post, clock } = await bench({ spool });
    const sse = reader(await post("r1"));
    const call = await agent.call(0);
    failures = 3;
    await call.send({ n: 1 });
    let event: SseEvent | null = null;
    void sse.event().then((next) => {
      event = next;
    });
    await waitFor(() => {
      clock.advance(500);
      return event !== null;
    });
    expect(event).toMatchObject({ data: '{"n":1}' });
  });

  it("is 410 for an id that it never had", async () => {
    const { agent, post, request } = await bench();
    const sse = reader(await post("r1"));
    await (await agent.call(0)).send({ text: "id: x" });
    const id = (await sse.event())?.id ?? "";
    for (const other of ["x", id.replace(/\d+$/, "5"), id.replace(/^./, "-"), `${id}0`])
      expect((await request("/runs/r1/events", after(other))).status).toBe(410);
    expect((await request("/runs/%ff/events")).status).toBe(404);
  });

  it("is forgotten an hour after its end, and not while it is open", async () => {
    const { agent, post, request, clock } = await bench();
    await post("open");
    const ended = await post("ended");
    await (await agent.call(1)).end();
    await readAll(ended);
    clock.advance(HOUR_MS - 20_000);
    expect((await request("/runs/ended/events")).status).toBe(200);
    clock.advance(60_000);
    await waitFor(async () => (await request("/runs/ended/events")).status === 404);
    expect((await request("/runs/open/events")).status).toBe(200);
  });

  it("is kept alive by comments where the agent is silent, at the end of a frame only", async () => {
    const { agent, post, clock } = await bench();
    const sse = reader(await post("r1"));
    const call = await agent.call(0);
    await call.send({ n: 1 });
    await sse.event();
    const frame = sse.frame();
    clock.advance(11_000);
    expect((await frame)?.comments).toEqual(["relay"]);
    const event = sse.event();
    await call.sendText('data: {"n"');
    clock.advance(60_000);
    await call.sendText(":2}\n\n");
    expect((await event)?.data).toBe('{"n":2}');
  });
});

describe("background events through a relay", () => {
  it("are subscribed to once, and kept while nobody reads", async () => {
    const { agent, request } = await bench();
    const sse = reader(await request("/events/t%201"));
    const call = await agent.call(0);
    expect(call.url).toBe("http://agent.test/base/events/t%201");
    await call.send({ n: 1 });
    const first = await sse.event();
    await sse.cancel();
    await call.send({ n: 2 });
    const again = reader(await request("/events/t%201", after(first?.id ?? "")));
    expect((await again.event())?.data).toBe('{"n":2}');
    // what came after an id that is not known may be lost
    expect((await request("/events/t%201", after("other"))).status).toBe(410);
    expect(await reader(await request("/events/t%201")).events(2)).toHaveLength(2);
    expect(agent.calls).toHaveLength(1);
  });

  it("go on over the end of the agent's stream", async () => {
    const { agent, request, clock } = await bench();
    const sse = reader(await request("/events/t1"));
    const call = await agent.call(0);
    await call.send({ n: 1 });
    await call.end();
    const [first] = await sse.events(1);
    expect(first?.data).toBe('{"n":1}');
    await waitFor(
      () => {
        clock.advance(1_000);
        return agent.calls.length === 2;
      },
      { what: "another subscription" },
    );
    await (await agent.call(1)).send({ n: 2 });
    expect((await sse.event())?.data).toBe('{"n":2}');
  });

  it("are refused as the agent refuses them, and what was kept is given all the same", async () => {
    const { agent, request, clock } = await bench();
    agent.answer = () => Response.json({ detail: "unsupported" }, { status: 503 });
    expect((await request("/events/t1")).status).toBe(503);
    agent.answer = () => null;
    const sse = reader(await request("/events/t1"));
    const call = await agent.call(0);
    await call.send({ n: 1 });
    await sse.event();
    agent.answer = () => new Response(null, { status: 404 });
    await call.end();
    let end: SseEvent | null | undefined;
    void sse.event().then((event) => {
      end = event;
    });
    await waitFor(
      () => {
        clock.advance(1_000);
        return end === null;
      },
      { what: "the end of the stream" },
    );
    expect(textsOf(await readAll(await request("/events/t1")))).toEqual(['{"n":1}']);
  });

  it("are given up when nobody has read them for an hour", async () => {
    const { agent, request, clock } = await bench();
    await (await request("/events/t1")).body?.cancel();
    const call = await agent.call(0);
    clock.advance(HOUR_MS + 30_000);
    await waitFor(() => call.isCancelled, { what: "the end of the subscription" });
  });
});

describe("an agent that takes its time to answer", () => {
  async function waiting() {
    const here = await bench();
    const { promise, resolve } = Promise.withResolvers<Response | null>();
    here.agent.answer = () => promise;
    let response: Response | undefined;
    void here.post("r1").then((answer) => {
      response = answer;
    });
    await waitFor(
      () => {
        here.clock.advance(100);
        return response;
      },
      { what: "the relay's own answer" },
    );
    const again = await here.request("/runs/r1/events");
    return { ...here, response: response!, again, answer: resolve };
  }

  it("is answered for, so that its run can be taken up before it has begun", async () => {
    const { agent, again, answer, response } = await waiting();
    for (const { headers, status } of [response, again]) {
      expect(status).toBe(200);
      expect(headers.get("X-Runlog-Resume")).toBe("1");
    }
    answer(null);
    const call = await agent.call(0);
    await call.send({ n: 1 });
    await call.send({ type: "RUN_FINISHED" });
    await call.end();
    const events = ['{"n":1}', '{"type":"RUN_FINISHED"}'];
    expect(textsOf(await readAll(again))).toEqual(events);
    expect(textsOf(await readAll(response))).toEqual(events);
  });

  it("and refuses the run, or cannot be reached, ends it with an error", async () => {
    const refused = await waiting();
    refused.answer(Response.json({ detail: "no" }, { status: 409 }));
    const [only] = await readAll(refused.response);
    const error = { type: "RUN_ERROR", runId: "r1" };
    expect(JSON.parse(only?.data ?? "")).toMatchObject({ ...error, code: "agent-refused" });
    expect(textsOf(await readAll(refused.again))).toEqual([only?.data]);
    const lost = await waiting();
    lost.answer(Promise.reject(new TypeError("fetch failed")) as never);
    const [last] = await readAll(lost.response);
    expect(JSON.parse(last?.data ?? "")).toMatchObject({ ...error, code: "agent-unreachable" });
  });

  it("is not waited for any more when its run is deleted", async () => {
    const { request, response } = await waiting();
    expect((await request("/runs/r1", { method: "DELETE" })).status).toBe(204);
    expect((await request("/runs/r1/events")).status).toBe(404);
    await expect(readAll(response)).rejects.toThrow();
  });
});

describe("everything else", () => {
  it("passes through with its method, path, headers, body and status", async () => {
    const { agent, request } = await bench();
    const seen: unknown[] = [];
    agent.answer = async (url, init) => {
      const headers = new Headers(init.headers);
      const text = init.body ? await new Response(init.body as ReadableStream).text() : null;
      seen.push([init.method, url, headers.get("X-One"), headers.get("X-Hop"), text]);
      const answered = { "Set-Cookie": "a=1", Connection: "x-hop", "X-Hop": "1" };
      return new Response("teapot", { status: 418, headers: answered });
    };
    const response = await request("/feedback/a%2Fb?x=1", {
      method: "POST",
      body: "hello",
      headers: { "X-One": "1", Connection: "X-Hop", "X-Hop": "1" },
    });
    expect([response.status, await response.text()]).toEqual([418, "teapot"]);
    expect(response.headers.get("Set-Cookie")).toBe("a=1");
    expect(response.headers.get("X-Hop")).toBeNull();
    await request("/runs/r1");
    await request("/runs/r1/events", { method: "POST" });
    expect(seen).toEqual([
      ["POST", "http://agent.test/base/feedback/a%2Fb?x=1", "1", null, "hello"],
      ["GET", "http://agent.test/base/runs/r1", null, null, null],
      ["POST", "http://agent.test/base/runs/r1/events", null, null, null],
    ]);
  });

  it("needs the session's token where there is one, but for the agent's health", async () => {
    let token = "secret";
    const { agent, request } = await bench({ sessionToken: async () => token });
    agent.answer = () => new Response("ok");
    const ask = async (path: string, given?: string): Promise<number> => {
      const headers = given === undefined ? {} : { "X-Ambient-Session-Token": given };
      return (await request(path, { headers })).status;
    };
    expect(await ask("/capabilities")).toBe(401);
    expect(await ask("/capabilities", "secre")).toBe(401);
    expect(await ask("/runs/r1/events", "secrets")).toBe(401);
    expect(await ask("/capabilities", "secret")).toBe(200);
    token = "new";
    expect(await ask("/capabilities", "secret")).toBe(401);
    expect(await ask("/health")).toBe(200);
    expect(await ask("/healthz")).toBe(200);
  });
});

it("a relay that ends refuses runs, waits for those that are open, then breaks them off", async () => {
  const { agent, post, relay, clock } = await bench();
  const response = await post("r1");
  const call = await agent.call(0);
  await call.send({ type: "RUN_STARTED" });
  const events = readAll(response);
  let isClosed = false;
  const closed = relay.close({ drainMs: 5_000 }).then(() => {
    isClosed = true;
  });
  expect((await post("r2")).status).toBe(503);
  clock.advance(4_000);
  await call.send({ type: "STEP_STARTED" });
  expect(isClosed).toBe(false);
  clock.advance(1_000);
  const types = (await events).map(({ data }) => JSON.parse(data).code ?? JSON.parse(data).type);
  expect(types).toEqual(["RUN_STARTED", "STEP_STARTED", "relay-stopped"]);
  await waitFor(() => {
    clock.advance(10);
    return isClosed;
  });
  await closed;
  expect(call.isCancelled).toBe(true);
});
