import * as fc from "fast-check";
import { anyBytes, anyText, jsonBytes, jsonWith } from "./inputs.ts";
import { routesOf } from "./server.ts";

/** A request before it is known whether it can be one. */
export interface WireRequest {
  readonly method: string;
  /** Path and query. */
  readonly target: string;
  readonly headers: readonly (readonly [string, string])[];
  readonly body: Uint8Array<ArrayBuffer> | null;
}

const name = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom("p1", "s1", "t-1", "coder") },
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      "..",
      ".",
      "%2e%2e",
      "%2F",
      "a%2fb",
      "%00",
      "%",
      "%zz",
      "%c3%28",
      "-a",
      "A",
      "ü",
    ),
  },
  { weight: 1, arbitrary: anyText.map((text) => encodeURIComponent(text.toWellFormed())) },
  { weight: 1, arbitrary: anyText },
);

/** What stands where a path names a session's event. */
const eventName = fc.oneof(
  fc.constantFrom("abcdefghijklmnop-r0", "abcdefghijklmnop-r99", "abcdefghijklmnop-c1.5", "-r1"),
  name,
);

const fieldText = fc.oneof(
  fc.constantFrom(
    "application/json",
    "application/json; charset=utf-8",
    "application/x-ndjson",
    "text/plain",
  ),
  fc.constantFrom(
    "gzip",
    "gzip;q=0",
    "*/*",
    "null",
    "http://evil.example",
    "http://localhost",
    "127.0.0.1",
    "[::1",
  ),
  fc.constantFrom(
    "abcdefghijklmnop-r0",
    "abcdefghijklmnop-r99",
    "abcdefghijklmnop-c1.5",
    "Bearer x",
  ),
  // what Headers accept: nothing below a space, nothing above a byte
  anyText.map((text) => text.replace(/[^\u0020-\u007e\u0080-\u00ff]/g, "?")),
);

const headers = fc.array(
  fc.tuple(
    fc.constantFrom(
      "Content-Type",
      "Accept",
      "Accept-Encoding",
      "Last-Event-ID",
      "Origin",
      "Host",
      "Content-Length",
      "X-Request-Id",
      "X-Forwarded-User",
      "X-Forwarded-Preferred-Username",
      "Authorization",
      "Access-Control-Request-Method",
    ),
    fieldText,
  ),
  { maxLength: 5 },
);

const query = fc
  .array(
    fc.tuple(
      fc.constantFrom(
        "view",
        "agent",
        "profile",
        "after",
        "before",
        "at",
        "cursor",
        "limit",
        "offset",
        "search",
        "token",
        "access_token",
        "x",
      ),
      fc.oneof(
        fc.constantFrom(
          "raw",
          "snapshot",
          "coder",
          "support",
          "0.0",
          "1.0",
          "0",
          "-1",
          "20",
          "1e3",
          "9007199254740993",
          "%",
          "%00",
          "",
          "abcdefghijklmnop-r0",
          "abcdefghijklmnop-c2.5",
        ),
        anyText.map((text) => encodeURIComponent(text.toWellFormed())),
      ),
    ),
    { maxLength: 3 },
  )
  .map((pairs) => (pairs.length === 0 ? "" : `?${pairs.map((pair) => pair.join("=")).join("&")}`));

const known = jsonWith([
  "messages",
  "id",
  "role",
  "content",
  "metadata",
  "hidden",
  "threadId",
  "runId",
  "parentRunId",
  "state",
  "tools",
  "name",
  "forwardedProps",
  "context",
  "displayName",
  "initialPrompt",
  "annotations",
  "labels",
  "llmSettings",
  "model",
  "temperature",
  "maxTokens",
  "timeout",
  "inactivityTimeout",
  "repos",
  "mcpServers",
  "custom",
  "disabled",
  "environmentVariables",
  "sdkOptions",
  "runnerType",
  "agent",
  "spec",
  "parent_session_id",
  "activeWorkflow",
  "branch",
  "type",
  "value",
  "metaType",
  "payload",
  "messageId",
  "protocolVersion",
  "deleteLocal",
]);
const runBody = fc.record({
  messages: fc.array(
    fc.record({
      id: fc.oneof(anyText, fc.constant("m")),
      role: fc.constantFrom("user", "tool"),
      content: known,
    }),
    { maxLength: 4 },
  ),
  runId: fc.oneof(fc.constantFrom("r1", "r2", ""), anyText),
  state: fc.oneof(fc.constant({}), known),
});
const body = fc.oneof(
  { weight: 3, arbitrary: jsonBytes(runBody) },
  { weight: 5, arbitrary: jsonBytes(known) },
  { weight: 1, arbitrary: anyBytes },
  { weight: 1, arbitrary: fc.constant(null) },
);

const routes = await routesOf();
const METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"];

/** A request to one of the server's routes, or next to one. */
const request: fc.Arbitrary<WireRequest> = fc
  .record({
    route: fc.constantFrom(...routes),
    otherMethod: fc.option(fc.constantFrom(...METHODS), { freq: 8 }),
    names: fc.tuple(name, name, eventName),
    suffix: fc.oneof({ weight: 9, arbitrary: fc.constant("") }, { weight: 1, arbitrary: anyText }),
    query,
    headers,
    isJson: fc.boolean(),
    body,
  })
  .map(
    ({ route, otherMethod, names, suffix, query: search, headers: given, isJson, body: bytes }) => {
      let index = 0;
      const path = route.path.replace(/:[A-Za-z]+/g, () => names[index++] ?? "");
      return {
        method: otherMethod ?? route.method,
        target: `${path}${suffix}${search}`,
        headers: isJson ? [...given, ["Content-Type", "application/json"] as const] : given,
        body: bytes,
      };
    },
  );

/** Requests of one client, one after the other: what the first ones made is there for the others. */
export const requests: fc.Arbitrary<WireRequest[]> = fc.array(request, {
  minLength: 1,
  maxLength: 8,
});

/** The request as a server gets it, or null if it cannot be sent. */
export function requestOf({
  method,
  target,
  headers: given,
  body: bytes,
}: WireRequest): Request | null {
  try {
    const fields = new Headers();
    for (const [field, value] of given) fields.set(field, value);
    const hasBody = bytes !== null && method !== "GET" && method !== "HEAD";
    return new Request(new URL(`http://127.0.0.1${target}`), {
      method,
      headers: fields,
      ...(hasBody ? { body: bytes } : {}),
    });
  } catch {
    return null;
  }
}
