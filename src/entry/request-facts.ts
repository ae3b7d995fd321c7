import type { IncomingMessage, ServerResponse } from "node:http";
import type { Context } from "hono";
import type { ReportAnswer, RequestFacts } from "../http/report-answers.ts";
import type { HttpServer } from "./http-server.ts";

/** Where a response keeps them: a WeakMap of all responses costs a quarter of a short request in collections of garbage. */
const FACTS = Symbol("facts");

interface Answer {
  [FACTS]?: RequestFacts;
}

const UNKNOWN: RequestFacts = { route: null, caller: null, isForwarded: false };

/** Keeps what the routes know of a request with its response, for `factsOf`. */
export const keepFacts: ReportAnswer = (c, facts) => {
  const response = responseOf(c);
  if (response) response[FACTS] = facts;
};

/** What the routes know of the request of this response, if they have said it. */
export function factsOf(response: ServerResponse): RequestFacts {
  const { [FACTS]: facts = UNKNOWN }: Answer = Object(response);
  return facts;
}

/** Calls `tell` for each request of the server from now on, when its answer is over, however that came. */
export function eachAnswer(
  server: HttpServer,
  tell: (request: IncomingMessage, response: ServerResponse, beganAtMs: number) => void,
): void {
  const follow = (request: IncomingMessage, response: ServerResponse): void => {
    const beganAtMs = performance.now();
    response.once("close", () => tell(request, response, beganAtMs));
  };
  server.prependListener("request", follow);
  server.prependListener("checkExpectation", follow);
}

/** The response of Node's that the adaptor has for the request. */
function responseOf(c: Context): Answer | null {
  const { outgoing }: { readonly outgoing?: Answer } = Object(c.env);
  return outgoing ?? null;
}
