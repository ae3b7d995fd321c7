import type { AgentFetch } from "../../src/relay/index.ts";
import { waitFor } from "./wait-for.ts";

/** One request that an agent got, and the stream that it answers with. */
interface AgentCall {
  readonly url: string;
  readonly init: RequestInit;
  readonly headers: Headers;
  /** Sends frames. Resolves when they have been taken. */
  send(...events: readonly object[]): Promise<void>;
  sendText(text: string): Promise<void>;
  end(): Promise<void>;
  breakOff(): void;
  /** Bytes that were sent and that nobody has taken. */
  readonly isHeld: boolean;
  /** Whether whoever asked has broken the answer off. */
  readonly isCancelled: boolean;
}

/** An agent in this process whose streams are written by a test. */
export interface ScriptedAgent {
  readonly fetch: AgentFetch;
  readonly calls: readonly AgentCall[];
  /** The call number `index`, once it has come. */
  readonly call: (index: number) => Promise<AgentCall>;
  /** What answers instead of a stream, while it gives something. */
  answer: (url: string, init: RequestInit) => Response | null | Promise<Response | null>;
}

const encoder = new TextEncoder();

export function createScriptedAgent(): ScriptedAgent {
  const calls: AgentCall[] = [];
  const agent: ScriptedAgent = {
    calls,
    answer: () => null,
    call: (index) => waitFor(() => calls[index], { what: `call ${index} of the agent` }),
    async fetch(url, init) {
      const other = await agent.answer(url, init);
      if (other) return other;
      const { call, response } = open(url, init);
      calls.push(call);
      return response;
    },
  };
  return agent;
}

function open(url: string, init: RequestInit): { call: AgentCall; response: Response } {
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>(
    {},
    { highWaterMark: 1 },
    { highWaterMark: 0 },
  );
  const writer = writable.getWriter();
  let isCancelled = false;
  let isHeld = false;
  writer.closed.catch(() => {
    isCancelled = true;
  });
  init.signal?.addEventListener("abort", () => {
    isCancelled = true;
    writer.abort(init.signal?.reason).catch(() => {});
  });
  const sendText = async (text: string): Promise<void> => {
    isHeld = true;
    await writer.write(encoder.encode(text));
    await writer.ready;
    isHeld = false;
  };
  const call: AgentCall = {
    url,
    init,
    headers: new Headers(init.headers),
    sendText,
    send: (...events) =>
      sendText(events.map((event) => `data: ${JSON.stringify(event)}\n\n`).join("")),
    end: () => writer.close(),
    breakOff: () => void writer.abort(new Error("reset")).catch(() => {}),
    get isHeld() {
      return isHeld;
    },
    get isCancelled() {
      return isCancelled;
    },
  };
  const headers = { "Content-Type": "text/event-stream", "X-Agent": "yes" };
  return { call, response: new Response(readable, { headers }) };
}
