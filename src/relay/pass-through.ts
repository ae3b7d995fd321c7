import { endToEndHeaders } from "../stream/http/end-to-end-headers.ts";

/** Statuses whose answer has no body. */
const WITHOUT_BODY: ReadonlySet<number> = new Set([204, 205, 304]);

/** The request headers for the agent: all but those of the connection. */
export function requestHeaders(from: Headers): Headers {
  const headers = endToEndHeaders(from);
  headers.delete("host");
  headers.delete("expect");
  // many a `fetch` unpacks what it gets, and leaves headers that are not true any more
  headers.set("accept-encoding", "identity");
  return headers;
}

/** The agent's answer as ours: status, headers and body as they are. */
export function passedResponse(answer: Response): Response {
  const { status, statusText } = answer;
  const body = WITHOUT_BODY.has(status) ? null : answer.body;
  return new Response(body, { status, statusText, headers: endToEndHeaders(answer.headers) });
}
