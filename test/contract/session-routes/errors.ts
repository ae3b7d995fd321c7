import { describe, expect, it } from "vitest";
import { expectProblem, type FreshServer, runBody, SessionClient } from "./harness.ts";

const BAD_NAMES = [
  "..",
  "%2e%2e",
  "a".repeat(129),
  "%00",
  "a%00b",
  "a+b",
  "%2F",
  "a%2Fb",
  "..%2f..%2fetc",
  "%zz",
  "ü",
  "%C3%BC",
  "a b",
  "%20",
  "a%0ab",
  "[::1]",
  "a%252e",
];
/** Names that a session can have, and a project cannot. */
const BAD_PROJECTS = [...BAD_NAMES, "x@evil:80", "a".repeat(64), "A", "-a", "a-", "a.b", "a_b"];

export function errorsSuite(fresh: FreshServer): void {
  describe("bad input (PROTOCOL 1)", () => {
    it(
      "names outside the rule are refused on every route, before anything is touched",
      fresh(async (server) => {
        for (const base of [
          ...BAD_NAMES.map((name) => `/api/projects/p1/agentic-sessions/${name}`),
          ...BAD_PROJECTS.map((name) => `/api/projects/${name}/agentic-sessions/s1`),
        ])
          for (const [method, path] of [
            ["GET", base],
            ["GET", `${base}/agui/events`],
            ["GET", `${base}/export`],
            ["POST", `${base}/agui/run`],
          ] as const) {
            const response = await server.fetch(path, {
              method,
              ...(method === "POST" && {
                body: runBody(),
                headers: { "Content-Type": "application/json" },
              }),
            });
            await response.body?.cancel();
            expect([400, 404], `${method} ${path}`).toContain(response.status);
          }
        expect(server.runner.requests).toEqual([]);
        const list = await server.fetch("/api/projects/p1/agentic-sessions");
        expect(await list.json()).toMatchObject({ totalCount: 0 });
      }),
    );

    it(
      "a name is told to be wrong, the project's first",
      fresh(async (server) => {
        const both = await server.fetch("/api/projects/X/agentic-sessions/Y+");
        await expectProblem(both, 400, "Invalid project name format");
        const session = await server.fetch("/api/projects/p1/agentic-sessions/Y+");
        await expectProblem(session, 400, "Invalid session name");
      }),
    );

    it.each([
      ["", /not a JSON object/],
      ["{", /not a JSON object/],
      ["[]", /not a JSON object/],
      ['{"messages":[]} x', /not a JSON object/],
      ["{}", /^invalid input: messages is missing$/],
      ['{"messages":null}', /messages is missing/],
      ['{"messages":{}}', /messages must be an array/],
      ['{"messages":["text"]}', /messages\[0\] must be an object/],
      ['{"messages":[{},7]}', /messages\[1\] must be an object/],
      ['{"messages":[{"id":7}]}', /messages\[0\]\.id must be a string/],
      ['{"messages":[{"metadata":"x"}]}', /messages\[0\]\.metadata must be an object/],
      ['{"messages":[{"id":"a","id":"b"}]}', /messages\[0\]\.id is given twice/],
      ['{"messages":[],"messages":[]}', /^invalid input: messages is given twice$/],
      ['{"messages":[],"runId":7}', /runId must be a string/],
      ['{"messages":[],"threadId":[]}', /threadId must be a string/],
      ['{"messages":[],"parentRunId":{}}', /parentRunId must be a string/],
      ['{"messages":[],"state":[]}', /state must be an object/],
      ['{"messages":[],"forwardedProps":"x"}', /forwardedProps must be an object/],
      ['{"messages":[],"tools":{}}', /tools must be an array/],
      ['{"messages":[],"tools":[{}]}', /tools\[0\]\.name is missing/],
    ])("the run body %j is 400 and starts nothing", (body, reason) =>
      fresh(async (server) => {
        const session = new SessionClient(server);
        await expectProblem(await session.post("/agui/run", body), 400, reason);
        expect(server.runner.requests).toEqual([]);
        expect((await session.get("")).status).toBe(404);
      })(),
    );

    it(
      "a run body that is not UTF-8 is 400",
      fresh(async (server) => {
        const body = new TextEncoder().encode('{"messages":[{"content":"?"}]}');
        body[body.indexOf(0x3f)] = 0xff;
        const response = await new SessionClient(server).post("/agui/run", body);
        await expectProblem(response, 400, /not UTF-8/);
      }),
    );

    it(
      "a body of another type is 415, one over 16 MiB is 413, whether its length is told or not",
      fresh(async (server) => {
        const session = new SessionClient(server);
        for (const type of [
          "text/plain",
          "application/x-www-form-urlencoded",
          "application/jsonp",
        ]) {
          const response = await session.post("/agui/run", runBody(), { "Content-Type": type });
          await expectProblem(response, 415, /application\/json/);
        }
        const large = new Uint8Array(16 * 1024 * 1024 + 1).fill(0x20);
        await expectProblem(await session.post("/agui/run", large), 413, "Request body too large");
        expect(server.runner.requests).toEqual([]);
      }),
    );

    it(
      "a body that is packed by gzip is the one that it holds",
      fresh(async (server) => {
        const session = new SessionClient(server);
        for (const [runId, coding] of [
          ["a", "gzip"],
          ["b", "X-GZIP"],
        ] as const)
          expect(
            await session.run(await packed(runBody(runId)), { "Content-Encoding": coding }),
          ).toMatchObject({ runId });
        expect(await session.run(runBody("c"), { "Content-Encoding": "identity" })).toMatchObject({
          runId: "c",
        });
        expect((await session.lines())[0]).toContain('"content":"hi"');
      }),
    );

    it(
      "a packed body is refused that holds more than it may, is damaged, or is packed in another way",
      fresh(async (server) => {
        const session = new SessionClient(server);
        const send = (body: BodyInit, coding: string): Promise<Response> =>
          session.post("/agui/run", body, { "Content-Encoding": coding });
        const bomb = await packed(new Uint8Array(32 * 1024 * 1024));
        await expectProblem(await send(bomb, "gzip"), 413, "Request body too large");
        const whole = await packed(runBody());
        const cut = await send(whole.slice(0, -9), "gzip");
        await expectProblem(cut, 400, "The body broke off or is damaged");
        await expectProblem(await send(runBody(), "gzip"), 400, /damaged/);
        for (const coding of ["br", "deflate", "gzip, gzip", "gzip;q=1"])
          await expectProblem(await send(whole, coding), 415, /may only be gzip/);
        expect((await session.get("")).status).toBe(404);
      }),
    );

    it(
      "what is no route is 404 with a problem document",
      fresh(async (server) => {
        for (const path of ["/", "/api", "/api/projects/p1/agentic-sessions/s1/agui/history"])
          await expectProblem(await server.fetch(path), 404, "Not found");
      }),
    );

    it.each([
      ["s1/agui/cancel", "GET", "POST, OPTIONS"],
      ["s1/agui/cancel", "HEAD", "POST, OPTIONS"],
      ["s1/agui/events", "POST", "GET, HEAD, OPTIONS"],
      ["s1/agui/events", "DELETE", "GET, HEAD, OPTIONS"],
      ["s1/displayname", "GET", "PUT, OPTIONS"],
      ["s1", "POST", "GET, PATCH, PUT, DELETE, HEAD, OPTIONS"],
      ["../agentic-sessions", "PUT", "GET, POST, HEAD, OPTIONS"],
      ["../../../../health", "POST", "GET, HEAD, OPTIONS"],
      ["../../../../ready", "PATCH", "GET, HEAD, OPTIONS"],
    ])("a path %j has no %s: 405 says what it has", (path, method, allowed) =>
      fresh(async (server) => {
        const url = `/api/projects/p1/agentic-sessions/${path}`;
        const response = await server.fetch(url, { method });
        expect(response.headers.get("Allow")).toBe(allowed);
        if (method === "HEAD") expect(response.status).toBe(405);
        else await expectProblem(response, 405, `${method} is not allowed here, only ${allowed}`);
        const asked = await server.fetch(url, { method: "OPTIONS" });
        expect([asked.status, asked.headers.get("Allow")]).toEqual([204, allowed]);
        expect(server.runner.requests).toEqual([]);
      })(),
    );
  });
}

/** `data` as one gzip member. */
async function packed(data: BlobPart): Promise<Uint8Array<ArrayBuffer>> {
  const stream = new Blob([data]).stream().pipeThrough(new CompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}
