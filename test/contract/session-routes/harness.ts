import { expect } from "vitest";
import { SseReader } from "../read-sse.ts";
import type { ScriptedExchange, ScriptedRunner } from "../runner-client/scripted-runner.ts";
import { withHarness } from "../with-harness.ts";

/** A server under test, as its clients see it, and the runner that it calls. */
export interface SessionRoutesHarness {
  /** Sends a request; `path` begins with a slash. */
  fetch(path: string, init?: RequestInit): Promise<Response>;
  /**
   * Plays the runner of every session but `UNREACHABLE`, whose runner does not listen. The server
   * waits for the answers to calls as long as it says, but for those of `IMPATIENT` a moment. Its
   * `requests` are without those for background events.
   */
  readonly runner: ScriptedRunner;
  dispose(): Promise<void>;
}

export interface SessionRoutesContractOptions {
  /** Starts a fresh server without sessions: called once for each test. */
  readonly create: () => Promise<SessionRoutesHarness>;
  /** Whether the servers have an archive. Default false. */
  readonly archives?: boolean;
}

/** A session whose runner nobody reaches; the server's waits between attempts are short. */
export const UNREACHABLE = "unreachable";

/** A session whose calls time out a thousand times as fast. */
export const IMPATIENT = "impatient";

/** The body of a run with one message of its own. */
export function runBody(runId = "r"): string {
  return `{"runId":"${runId}","messages":[{"id":"m-${runId}","role":"user","content":"hi"}]}`;
}

/** One session of a server, seen from outside. */
export class SessionClient {
  readonly path: string;
  readonly #server: SessionRoutesHarness;

  constructor(server: SessionRoutesHarness, session = "s1", project = "p1") {
    this.#server = server;
    this.path = `/api/projects/${project}/agentic-sessions/${session}`;
  }

  get(suffix: string, headers: Record<string, string> = {}, method = "GET"): Promise<Response> {
    return this.#server.fetch(`${this.path}${suffix}`, { method, headers });
  }

  post(suffix: string, body: BodyInit, headers: Record<string, string> = {}): Promise<Response> {
    return this.#server.fetch(`${this.path}${suffix}`, {
      method: "POST",
      body,
      headers: { "Content-Type": "application/json", ...headers },
    });
  }

  /** Posts a run and expects it to be accepted. */
  async run(body: BodyInit = runBody(), headers: Record<string, string> = {}): Promise<RunIds> {
    const response = await this.post("/agui/run", body, headers);
    const text = await response.text();
    expect(response.status, text).toBe(200);
    return JSON.parse(text) as RunIds;
  }

  /** Opens the event stream. */
  async watch(query = "", headers: Record<string, string> = {}): Promise<Watch> {
    const response = await this.get(`/agui/events${query}`, headers);
    if (!response.body) throw new Error(`No stream: ${response.status}`);
    return { response, sse: new SseReader(response.body) };
  }

  /** What the session's document says that its agent is doing. */
  async agentStatus(): Promise<string | undefined> {
    const document = (await (await this.get("")).json()) as { status: { agentStatus?: string } };
    return document.status.agentStatus;
  }

  /** The raw log's lines without their LF, by the export; or those of another view of it. */
  async lines(query = "?view=raw"): Promise<string[]> {
    const response = await this.get(`/export${query}`, { Accept: "application/x-ndjson" });
    expect(response.status).toBe(200);
    const text = await response.text();
    return text === "" ? [] : text.slice(0, -1).split("\n");
  }

  /** Has the runner play `events` in the run `r` to its end; resolves with all lines of the log. */
  async play(events: readonly string[]): Promise<string[]> {
    this.#server.runner.script((exchange) => tell(exchange, events));
    await this.run();
    return this.settled();
  }

  /** Waits until a run has its terminal in the log; resolves with all lines of it. */
  async settled(runId = "r"): Promise<string[]> {
    const { sse } = await this.watch();
    await sse.until(({ data }) => {
      const event = JSON.parse(data) as { type: string; runId?: string };
      return /^RUN_(FINISHED|ERROR)$/.test(event.type) && (event.runId ?? runId) === runId;
    });
    await sse.cancel();
    return this.lines();
  }
}

export interface RunIds {
  readonly runId: string;
  readonly threadId: string;
}

export interface Watch {
  readonly response: Response;
  readonly sse: SseReader;
}

/** Answers with `events` and a clean end. */
export async function tell(exchange: ScriptedExchange, events: readonly string[]): Promise<void> {
  await exchange.answer(200, { "Content-Type": "text/event-stream" });
  for (const event of events) await exchange.write(`data: ${event}\n\n`);
  await exchange.end();
}

/** Answers with a status and a JSON body, given as text or as what to make it of. */
export async function answerJson(
  exchange: ScriptedExchange,
  status: number,
  body: unknown,
): Promise<void> {
  await exchange.answer(status, { "Content-Type": "application/json" });
  await exchange.write(typeof body === "string" ? body : JSON.stringify(body));
  await exchange.end();
}

/** A runner that holds its stream open: the test says what comes, and when it ends. */
export async function openRunner(
  server: SessionRoutesHarness,
  start: () => Promise<unknown>,
): Promise<ScriptedExchange> {
  const arrived = new Promise<ScriptedExchange>((resolve) => {
    server.runner.script(async (exchange) => {
      await exchange.answer(200, { "Content-Type": "text/event-stream" });
      resolve(exchange);
      await exchange.closed;
    });
  });
  await start();
  return arrived;
}

export function startedEvent(runId = "r"): string {
  return JSON.stringify({ type: "RUN_STARTED", threadId: "s1", runId });
}

export function finishedEvent(runId = "r"): string {
  return JSON.stringify({ type: "RUN_FINISHED", threadId: "s1", runId });
}

/** Events whose bytes a parser would change: key order, numbers, escapes, spaces, lone surrogates. */
export const ODD_EVENTS: readonly string[] = [
  '{"z":1,"type":"CUSTOM","name":"order","a":{"type":"RUN_FINISHED"}}',
  '{"type":"CUSTOM","name":"numbers","value":[9007199254740993,1e400,-0,1.0,0.1e+2,123456789012345678901234567890]}',
  '{ "type" : "CUSTOM" , "name" : "spaces" }',
  String.raw`{"type":"CUSTOM","name":"escapes","value":"\u0041\/\ud800 \u00e9 < > &\u2028"}`,
  '{"type":"CUSTOM","name":"ümlaut 😀 \u2028","a":1,"a":2}',
  '{"type":"SOMETHING_NEW","nested":[[[[{}]]]],"empty":""}',
];

/** Wraps a test's body so that it gets a server of its own. */
export type FreshServer = (
  body: (server: SessionRoutesHarness) => Promise<void>,
) => () => Promise<void>;

export function freshServer({ create }: SessionRoutesContractOptions): FreshServer {
  return (body) => () => withHarness(create, body);
}

/** Expects a problem document with this status and text (PROTOCOL 1.1). */
export async function expectProblem(
  response: Response,
  status: number,
  detail: string | RegExp,
): Promise<Record<string, unknown>> {
  const text = await response.text();
  expect(response.status, text).toBe(status);
  expect(response.headers.get("Content-Type")).toBe("application/problem+json");
  const problem = JSON.parse(text) as Record<string, unknown>;
  expect(problem["detail"]).toEqual(
    typeof detail === "string" ? detail : expect.stringMatching(detail),
  );
  expect(problem).toMatchObject({
    type: expect.stringMatching(/^\/problems\/[a-z-]+$/),
    title: expect.any(String),
    status,
    error: problem["detail"],
    instance: expect.any(String),
  });
  return problem;
}
