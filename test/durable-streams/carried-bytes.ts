type Fetch = (request: Request, env: object) => Response | Promise<Response>;

/** How bytes are carried: a JSON object, which a session stores as it is. */
const carried = (bytes: Uint8Array): string =>
  JSON.stringify({ bytes: Buffer.from(bytes).toString("base64") });
const carriedIn = (json: string): Buffer =>
  Buffer.concat(
    (JSON.parse(json) as { bytes: string }[]).map(({ bytes }) => Buffer.from(bytes, "base64")),
  );

const nameOf = (type: string): string => type.replace(/;.*$/, "").trim().toLowerCase();
const JSON_TYPE = "application/json";

/**
 * Lets tests that are about something else than content types be passed with bytes of any type: each body is a JSON object
 * on its way to the server, and becomes what it was on the way back. Status, headers, offsets and when an answer comes are the
 * server's alone.
 */
export function carryBytes(fetchIt: Fetch): Fetch {
  /** The content types of the streams that have another one than JSON. */
  const types = new Map<string, string>();
  return async (request, env) => {
    const { pathname } = new URL(request.url);
    const { method } = request;
    const given = request.headers.get("Content-Type");
    const own = types.get(pathname) ?? (method === "PUT" ? given : null);
    if (own === null || nameOf(own) === JSON_TYPE) return fetchIt(request, env);
    if (method === "PUT" || method === "POST") {
      const response = await fetchIt(await carrying(request, given, own), env);
      if (response.status === 201) types.set(pathname, own);
      return method === "PUT" ? typed(response, response.body, own) : response;
    }
    const response = await fetchIt(request, env);
    if (method === "DELETE" && response.ok) types.delete(pathname);
    if (method === "HEAD") return typed(response, null, own);
    if (response.headers.get("Content-Type") === "text/event-stream")
      return new Response(response.body?.pipeThrough(carriedEvents()) ?? null, response);
    if (response.headers.get("Content-Type") !== JSON_TYPE) return response;
    return typed(response, Uint8Array.from(carriedIn(await response.text())), own);
  };
}

async function carrying(request: Request, given: string | null, own: string): Promise<Request> {
  const headers = new Headers(request.headers);
  headers.delete("Content-Length");
  const bytes = new Uint8Array(await request.arrayBuffer());
  // of another type than the stream's, whichever that is to the server
  const isOwn = given !== null && nameOf(given) === nameOf(own);
  if (given !== null) headers.set("Content-Type", isOwn ? JSON_TYPE : "application/x-other");
  const { method, signal, url } = request;
  const body = bytes.length === 0 ? null : isOwn ? carried(bytes) : bytes;
  return new Request(url, { method, headers, signal, body });
}

/** An answer as it would be with the stream's own type, if it has one. */
function typed(response: Response, body: BodyInit | null, type: string): Response {
  const answer = new Response(body, response);
  if (response.headers.get("Content-Type") === JSON_TYPE) answer.headers.set("Content-Type", type);
  return answer;
}

/** The events of a live stream, each `data` with the text that it carries, which has no line breaks in these tests. */
function carriedEvents(): TransformStream<Uint8Array, Uint8Array> {
  const decoder = new TextDecoder();
  const encoder = new TextEncoder();
  let kept = "";
  return new TransformStream({
    transform(chunk, controller) {
      const frames = (kept + decoder.decode(chunk, { stream: true })).split("\n\n");
      kept = frames.pop()!;
      for (const frame of frames)
        controller.enqueue(
          encoder.encode(
            `${frame.replace(/^event: data\ndata: (.*)$/, (_, json: string) => `event: data\ndata: ${carriedIn(json).toString()}`)}\n\n`,
          ),
        );
    },
  });
}
