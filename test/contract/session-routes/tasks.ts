import { describe, expect, it } from "vitest";
import { drain, firstDifference, lineOf, textOf } from "../bytes.ts";
import { standsStill } from "../runner-client/harness.ts";
import { waitFor } from "../wait-for.ts";
import {
  answerJson,
  expectProblem,
  type FreshServer,
  IMPATIENT,
  SessionClient,
  UNREACHABLE,
} from "./harness.ts";
import { describeRefusals } from "./runner-surface.ts";

const ROUTES = [
  ["/agui/tasks", "tasks"],
  ["/agui/tasks/task-1/output", "tasks/task-1/output"],
] as const;

const PIECE = lineOf(64 * 1024);
const PIECES = 1024;

export function tasksSuite(fresh: FreshServer): void {
  describe("background tasks (PROTOCOL 9.6)", () => {
    for (const [route, path] of ROUTES)
      describe(`GET ${route}`, () => {
        describePassing(fresh, route, path);
        describeFlow(fresh, route, path);
        describeRefusals(fresh, path, (session) => session.get(route));
        describeNobody(fresh, route, path);
      });
  });
}

function describePassing(fresh: FreshServer, route: string, path: string): void {
  it(
    "passes status, content type and body on as they are",
    fresh(async (server) => {
      for (const [status, type, text] of [
        [200, "application/json", '{ "tasks":[ ],"n":12345678901234567890}\r\n'],
        [206, "text/plain; charset=utf-8", "[1,ž"],
        [307, "text/html", "elsewhere"],
      ] as const) {
        server.runner.script(async (exchange) => {
          await exchange.answer(status, { "content-type": type, location: "/elsewhere" });
          for (const half of [text.slice(0, 4), text.slice(4)]) await exchange.write(half);
          await exchange.end();
        }, path);
        const session = new SessionClient(server);
        const response = await server.fetch(`${session.path}${route}`, { redirect: "manual" });
        expect(response.status).toBe(status);
        expect(response.headers.get("Content-Type")).toBe(type);
        expect(await response.text()).toBe(text);
      }
    }),
  );

  it(
    "passes an empty body on, and no content type where there is none",
    fresh(async (server) => {
      for (const status of [200, 204]) {
        server.runner.script(async (exchange) => {
          await exchange.answer(status);
          await exchange.end();
        }, path);
        const response = await new SessionClient(server).get(route);
        expect(response.status).toBe(status);
        expect(response.headers.get("Content-Type")).toBeNull();
        expect(await response.text()).toBe("");
      }
    }),
  );

  it(
    "answers HEAD with the headers alone, and leaves nothing open",
    fresh(async (server) => {
      let closed = false;
      server.runner.script(async (exchange) => {
        await exchange.answer(200, { "content-type": "text/odd" });
        await exchange.write("a body without end");
        await exchange.closed;
        closed = true;
      }, path);
      const response = await new SessionClient(server).get(route, {}, "HEAD");
      expect(response.status).toBe(200);
      expect(response.headers.get("Content-Type")).toBe("text/odd");
      expect(await response.text()).toBe("");
      await waitFor(() => closed, { what: "the call to be closed" });
    }),
  );
}

function describeFlow(fresh: FreshServer, route: string, path: string): void {
  it(
    "passes 64 MiB on as they are, piece by piece, and stops the runner while nobody reads",
    fresh(async (server) => {
      let written = 0;
      server.runner.script(async (exchange) => {
        await exchange.answer(200, { "content-type": "application/json" });
        for (; written < PIECES; written++) await exchange.write(PIECE);
        await exchange.end();
      }, path);
      const response = await new SessionClient(server).get(route);
      await standsStill(() => written);
      expect(written).toBeLessThan(PIECES / 2);
      // asked for its body only now: undici cancels a body nobody reads once its response is collected
      const got = response.body ? await drain(response.body) : new Uint8Array();
      expect(got).toHaveLength(PIECES * PIECE.length);
      for (let at = 0; at < got.length; at += PIECE.length)
        expect(firstDifference(got.subarray(at, at + PIECE.length), PIECE)).toBe(-1);
    }),
  );

  it(
    "gives what the runner has written before it has ended",
    fresh(async (server) => {
      let seen = "";
      server.runner.script(async (exchange) => {
        await exchange.answer(200);
        for (const piece of ["one", "two"]) {
          await exchange.write(piece);
          await waitFor(() => seen.endsWith(piece), { what: `${piece} to be seen` });
        }
        await exchange.end();
      }, path);
      const reader = (await new SessionClient(server).get(route)).body?.getReader();
      for (;;) {
        const chunk = await reader?.read();
        if (!chunk || chunk.done) break;
        seen += textOf(chunk.value);
      }
      expect(seen).toBe("onetwo");
    }),
  );

  it(
    "breaks off where the runner does",
    fresh(async (server) => {
      server.runner.script(async (exchange) => {
        await exchange.answer(200, { "content-type": "application/json" });
        await exchange.write('{"tasks":[');
        await exchange.breakOff();
      }, path);
      const response = await new SessionClient(server).get(route);
      expect(response.status).toBe(200);
      const reader = response.body?.getReader();
      let seen = "";
      const reading = (async () => {
        for (;;) {
          const chunk = await reader?.read();
          if (!chunk || chunk.done) return;
          seen += textOf(chunk.value);
        }
      })();
      await expect(reading).rejects.toThrow();
      expect(seen).toBe('{"tasks":[');
    }),
  );

  it(
    "lets go of the runner when the client goes",
    fresh(async (server) => {
      let closed = false;
      server.runner.script(async (exchange) => {
        await exchange.answer(200);
        await exchange.write("a body without end");
        await exchange.closed;
        closed = true;
      }, path);
      const reader = (await new SessionClient(server).get(route)).body?.getReader();
      await reader?.read();
      await reader?.cancel();
      await waitFor(() => closed, { what: "the call to be closed" });
    }),
  );
}

function describeNobody(fresh: FreshServer, route: string, path: string): void {
  it(
    "is 502 when nobody answers, and when the runner does not know the server",
    fresh(async (server) => {
      const unreachable = await new SessionClient(server, UNREACHABLE).get(route);
      await expectProblem(unreachable, 502, "Runner is not available");
      server.runner.script((exchange) => exchange.closed, path);
      const late = await new SessionClient(server, IMPATIENT).get(route);
      await expectProblem(late, 502, "Runner is not available");
      server.runner.script(async (exchange) => {
        await exchange.answer(200);
        await exchange.breakOff();
      }, path);
      const broken = await new SessionClient(server).get(route);
      await expectProblem(broken, 502, "Runner is not available");
      server.runner.script((exchange) => answerJson(exchange, 401, {}), path);
      const unknown = await new SessionClient(server).get(route);
      await expectProblem(unknown, 502, "Runner refused the session token");
    }),
  );
}
