import { once } from "node:events";
import { type IncomingMessage, request } from "node:http";
import { text } from "node:stream/consumers";

/** Sends one request, by another name of the `host` if one is given, on a connection of its own, which is closed when it resolves with the answer. */
export async function requestOnce(
  url: string,
  {
    method = "GET",
    body,
    host,
  }: { readonly method?: string; readonly body?: string; readonly host?: string } = {},
): Promise<{ readonly status: number; readonly text: string }> {
  const headers = {
    ...(body !== undefined && { "Content-Type": "application/json" }),
    ...(host !== undefined && { Host: host }),
  };
  const sent = request(url, { method, headers, agent: false });
  sent.end(body);
  const [answer] = (await once(sent, "response")) as [IncomingMessage];
  const read = await text(answer);
  if (!sent.destroyed) await once(sent, "close");
  return { status: answer.statusCode ?? 0, text: read };
}
