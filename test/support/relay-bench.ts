import { onTestFinished } from "vitest";
import {
  createMemorySpool,
  createRelay,
  type Relay,
  type RelayOptions,
} from "../../src/relay/index.ts";
import { type SseEvent, SseReader } from "../contract/read-sse.ts";
import { createManualClock, type ManualClock } from "./manual-clock.ts";
import { createScriptedAgent, type ScriptedAgent } from "./scripted-agent.ts";
import { waitFor } from "./wait-for.ts";

const BASE = "http://relay.test";

export interface RelayBench {
  readonly agent: ScriptedAgent;
  readonly relay: Relay;
  readonly clock: ManualClock;
  readonly request: (path: string, init?: RequestInit) => Promise<Response>;
  readonly post: (runId: string, headers?: Record<string, string>) => Promise<Response>;
}

/** A relay over an agent that a test scripts; it is closed with the test. */
export async function relayBench(options: Partial<RelayOptions> = {}): Promise<RelayBench> {
  const agent = createScriptedAgent();
  const clock = createManualClock();
  const relay = await createRelay({
    fetch: agent.fetch,
    spool: createMemorySpool(),
    agent: "http://agent.test/base",
    clock,
    ...options,
  });
  onTestFinished(async () => {
    let isClosed = false;
    void relay.close().then(() => {
      isClosed = true;
    });
    // it waits for its clock
    await waitFor(() => {
      clock.advance(100);
      return isClosed;
    });
  });
  const request = (path: string, init?: RequestInit): Promise<Response> =>
    relay.fetch(new Request(`${BASE}${path}`, init));
  return {
    agent,
    relay,
    clock,
    request,
    post: (runId, headers = {}) =>
      request("/", { method: "POST", headers, body: JSON.stringify({ runId, threadId: "t1" }) }),
  };
}

export function reader(response: Response): SseReader {
  if (!response.body) throw new Error("no stream");
  return new SseReader(response.body);
}

/** All events to the stream's end. */
export async function readAll(response: Response): Promise<SseEvent[]> {
  const sse = reader(response);
  const events: SseEvent[] = [];
  for (let event = await sse.event(); event; event = await sse.event()) events.push(event);
  return events;
}

export const textsOf = (events: readonly SseEvent[]): string[] => events.map(({ data }) => data);
export const after = (id: string): RequestInit => ({ headers: { "Last-Event-ID": id } });
