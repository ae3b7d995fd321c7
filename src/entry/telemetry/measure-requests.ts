import type { HttpServer } from "../http-server.ts";
import { eachAnswer, factsOf } from "../request-facts.ts";
import { INSTRUMENTS } from "./instruments.ts";
import type { Meters } from "./meters.ts";

/** Any other method is `_OTHER`, as the conventions want it: clients can make up as many as they like. */
const METHODS: ReadonlySet<string> = new Set([
  "CONNECT",
  "DELETE",
  "GET",
  "HEAD",
  "OPTIONS",
  "PATCH",
  "POST",
  "PUT",
  "TRACE",
]);

/** Measures the requests of a server from now on, each when its answer is over. */
export function measureRequests(server: HttpServer, { record }: Meters): void {
  eachAnswer(server, ({ method = "" }, response, beganAtMs) => {
    const { route } = factsOf(response);
    record(INSTRUMENTS.requests, (performance.now() - beganAtMs) / 1_000, {
      "http.request.method": METHODS.has(method) ? method : "_OTHER",
      ...(route !== null && { "http.route": route }),
      ...(response.headersSent && { "http.response.status_code": response.statusCode }),
    });
  });
}
