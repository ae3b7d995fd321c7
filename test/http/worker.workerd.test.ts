import { abortAllDurableObjects } from "cloudflare:test";
import { exports } from "cloudflare:workers";
import { afterEach, describe, expect, it } from "vitest";
import { SseReader } from "../contract/read-sse.ts";
import { expectProblem, runBody } from "../contract/session-routes/harness.ts";

const SESSION = "/api/projects/demo/agentic-sessions/hello";

function ask(path: string, init?: RequestInit): Promise<Response> {
  return exports.default.fetch(new Request(new URL(path, "http://localhost"), init));
}

function postRun(runId: string): Promise<Response> {
  const headers = { "Content-Type": "application/json" };
  return ask(`${SESSION}/agui/run`, { method: "POST", headers, body: runBody(runId) });
}

async function watch(headers: Record<string, string> = {}): Promise<SseReader> {
  const response = await ask(`${SESSION}/agui/events`, { headers });
  expect(response.headers.get("Content-Type")).toBe("text/event-stream");
  if (!response.body) throw new Error(`No stream: ${response.status}`);
  return new SseReader(response.body);
}

/** The stored events of the export as JSON lines. */
async function exported(headers: Record<string, string> = {}): Promise<string[]> {
  const response = await ask(`${SESSION}/export`, {
    headers: { Accept: "application/x-ndjson", ...headers },
  });
  expect(response.status).toBe(200);
  expect(response.headers.get("Content-Encoding")).toBeNull();
  // workerd warns of `text()` where the type does not begin with "text/"
  const bytes = await response.arrayBuffer();
  expect(response.headers.get("Content-Length")).toBe(String(bytes.byteLength));
  return new TextDecoder().decode(bytes).slice(0, -1).split("\n");
}

const typeOf = ({ data }: { data: string }): unknown =>
  (JSON.parse(data) as { type: unknown }).type;

describe("the worker: one Durable Object with the demo runner", () => {
  // the demo plays for half a minute; this also empties the logs, which are in memory
  afterEach(() => abortAllDurableObjects());

  it("answers probes, and what is no route with a problem document", async () => {
    const health = await ask("/health");
    expect([health.status, await health.json()]).toEqual([200, { status: "healthy" }]);
    const ready = await ask("/ready");
    expect([ready.status, await ready.json()]).toEqual([200, { status: "ready" }]);
    await expectProblem(await ask("/api"), 404, "Not found");
  });

  it("shows a run live to viewers of other requests, also to one that was there before it", async () => {
    const early = await watch();
    const posted = await postRun("r1");
    expect([posted.status, await posted.json()]).toEqual([200, { runId: "r1", threadId: "hello" }]);
    const late = await watch();
    const events = await early.events(12);
    expect(events.slice(0, 3).map(typeOf)).toEqual([
      "MESSAGES_SNAPSHOT",
      "RUN_STARTED",
      "STATE_SNAPSHOT",
    ]);
    expect(await late.events(12)).toEqual(events);
    await Promise.all([early.cancel(), late.cancel()]);
    // the run goes on without them: another one has to wait
    expect((await postRun("r2")).status).toBe(200);
  });

  it("goes on behind a cursor, while the run goes on", async () => {
    await (await postRun("r")).text();
    const first = await watch();
    const events = await first.events(6);
    await first.cancel();
    const second = await watch({ "Last-Event-ID": events[2]?.id ?? "" });
    const more = await second.events(8);
    expect(more.slice(0, 3)).toEqual(events.slice(3));
    await second.cancel();
    const lines = await exported();
    expect(lines.slice(0, 11)).toEqual([...events.slice(0, 3), ...more].map(({ data }) => data));
  });

  it("leaves packing to workerd, which would pack twice", async () => {
    await (await postRun("r")).text();
    const [line = ""] = await exported({ "Accept-Encoding": "gzip" });
    expect(typeOf({ data: line })).toBe("MESSAGES_SNAPSHOT");
  });
});
