import { requestHeaders } from "./pass-through.ts";

/**
 * Makes the requests to the agent. It passes redirects on, as it is asked to, and an answer that was packed although
 * it is asked for `identity`.
 */
export type AgentFetch = (url: string, init: RequestInit) => Promise<Response>;

interface AgentRequest {
  readonly method: string;
  /** Below the agent's address: empty, or begins with a slash. */
  readonly path: string;
  readonly headers: Headers;
  readonly body?: Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array> | null;
  /** Length of a body that is a stream, where it is known. */
  readonly bodyBytes?: number;
  readonly signal: AbortSignal;
}

/** The agent that a relay stands for. */
export interface Agent {
  ask(request: AgentRequest): Promise<Response>;
}

/** An agent at an address. */
export function createAgent(address: string, fetch: AgentFetch): Agent {
  const root = new URL(address);
  const base = root.pathname.replace(/\/$/, "");
  return {
    ask({ method, path, headers, body = null, bodyBytes, signal }) {
      const url = new URL(root);
      const [pathname = "", search = ""] = splitOnce(path, "?");
      if (pathname !== "") url.pathname = base + pathname;
      // what the address itself asks for stays
      if (search !== "") url.search = url.search === "" ? search : `${url.search}&${search}`;
      const sent = requestHeaders(headers);
      // `fetch` measures what is no stream
      if (!(body instanceof ReadableStream)) sent.delete("content-length");
      else if (bodyBytes !== undefined) sent.set("content-length", String(bodyBytes));
      const init: RequestInit & { duplex: "half" } = {
        method,
        headers: sent,
        redirect: "manual",
        signal,
        duplex: "half",
        ...(body !== null && { body }),
      };
      return fetch(url.href, init);
    },
  };
}

const EVENT_STREAM = "text/event-stream";

/**
 * Whether an answer is a stream of events that can be read. Some agents leave the content type out; one that
 * is packed passes through.
 */
export function isEventStream({ status, headers }: Response): boolean {
  if ((headers.get("content-encoding") || "identity") !== "identity") return false;
  const type = headers.get("content-type")?.split(";", 1)[0]?.trim().toLowerCase() || EVENT_STREAM;
  return status === 200 && type === EVENT_STREAM;
}

function splitOnce(text: string, at: string): readonly string[] {
  const index = text.indexOf(at);
  return index < 0 ? [text] : [text.slice(0, index), text.slice(index + 1)];
}
