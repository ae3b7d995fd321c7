/** Headers of a connection (RFC 9110, 7.6.1), and what belongs to the other side of a proxy. */
const OF_CONNECTION: readonly string[] = [
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
];

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

/** All headers but those of the connection. */
export function endToEndHeaders(from: Headers): Headers {
  const headers = new Headers(from);
  const named = (from.get("connection") ?? "").split(",").map((name) => name.trim());
  for (const name of [...OF_CONNECTION, ...named]) if (isToken(name)) headers.delete(name);
  return headers;
}

function isToken(name: string): boolean {
  return /^[\w!#$%&'*+.^`|~-]+$/.test(name);
}
