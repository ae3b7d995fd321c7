import { describe, expect, it } from "vitest";
import {
  expectProblem,
  finishedEvent,
  type FreshServer,
  ODD_EVENTS,
  openRunner,
  SessionClient,
  startedEvent,
} from "./harness.ts";

const RUN = [startedEvent(), ...ODD_EVENTS, finishedEvent()];

export function exportSuite(fresh: FreshServer): void {
  describe("export (PROTOCOL 6)", () => {
    it(
      "is one JSON document with the stored events verbatim",
      fresh(async (server) => {
        const session = new SessionClient(server);
        const lines = await session.play(RUN);
        const response = await session.get("/export");
        expect(response.status).toBe(200);
        expect(response.headers.get("Content-Type")).toBe("application/json");
        expect(response.headers.get("Content-Disposition")).toBe(
          'attachment; filename="s1-export.json"',
        );
        const text = await response.text();
        expect(Object.keys(JSON.parse(text) as object)).toEqual([
          "sessionId",
          "projectName",
          "exportDate",
          "aguiEvents",
          "hasLegacy",
        ]);
        expect(text).toContain(`"aguiEvents":[${lines.join(",")}],"hasLegacy":false}`);
        const { exportDate } = JSON.parse(text) as { exportDate: string };
        expect(new Date(exportDate).toISOString()).toBe(exportDate);
      }),
    );

    it(
      "of a run in flight is a valid document up to what was stored when it was asked for",
      fresh(async (server) => {
        const session = new SessionClient(server);
        const runner = await openRunner(server, () => session.run());
        await runner.write(`data: ${startedEvent()}\n\n`);
        const { sse } = await session.watch();
        await sse.events(2);
        const document = (await (await session.get("/export?view=raw")).json()) as {
          aguiEvents: { type: string }[];
        };
        expect(document.aguiEvents.map(({ type }) => type)).toEqual([
          "MESSAGES_SNAPSHOT",
          "RUN_STARTED",
        ]);
        await runner.end();
        await sse.cancel();
      }),
    );

    it(
      "gives the log's bytes as JSON lines, with their length",
      fresh(async (server) => {
        const session = new SessionClient(server);
        const lines = await session.play(RUN);
        const response = await session.get("/export", {
          Accept: "application/x-ndjson",
          "Accept-Encoding": "identity",
        });
        expect(response.headers.get("Content-Type")).toBe("application/x-ndjson");
        const text = await response.text();
        expect(text).toBe(lines.map((line) => `${line}\n`).join(""));
        expect(response.headers.get("Content-Length")).toBe(
          String(new TextEncoder().encode(text).length),
        );
      }),
    );

    it(
      "comes packed for a client that accepts gzip, and only for such a one",
      fresh(async (server) => {
        const session = new SessionClient(server);
        const lines = await session.play(RUN);
        const headers = { Accept: "application/x-ndjson", "Accept-Encoding": "br, gzip;q=0.5" };
        const packed = await session.get("/export", headers);
        expect(packed.headers.get("Content-Encoding")).toBe("gzip");
        expect(await unpacked(packed)).toBe(lines.map((line) => `${line}\n`).join(""));
        const plain = await session.get("/export", { "Accept-Encoding": "gzip;q=0, identity" });
        expect(plain.headers.get("Content-Encoding")).toBeNull();
        await plain.body?.cancel();
      }),
    );

    it.each<[string, string | null, string]>([
      ["", null, "application/json"],
      ["", "", "application/json"],
      ["", "*/*", "application/json"],
      ["", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "application/json"],
      ["", "application/*, text/*;q=0.9", "application/json"],
      ["", "application/x-ndjson, */*", "application/x-ndjson"],
      ["", "Application/X-NDJSON; q=0.5, text/markdown;q=0.4", "application/x-ndjson"],
      ["", "application/json;q=0, */*;q=0.1", "application/x-ndjson"],
      ["", "text/*", "text/markdown; charset=utf-8"],
      ["", "text/markdown", "text/markdown; charset=utf-8"],
      ["", "application/json;q=0.1, text/markdown;charset=utf-8", "text/markdown; charset=utf-8"],
      ["?format=markdown", "application/json", "text/markdown; charset=utf-8"],
      ["?format=ndjson", null, "application/x-ndjson"],
      ["?format=json", "text/markdown", "application/json"],
    ])("%j with Accept %j is %s", (query, accept, type) =>
      fresh(async (server) => {
        const session = new SessionClient(server);
        await session.run('{"messages":[{"id":"m","role":"user","content":"What is new?"}]}');
        const headers = accept === null ? {} : { Accept: accept };
        const response = await session.get(`/export${query}`, headers);
        expect([response.status, response.headers.get("Content-Type")]).toEqual([200, type]);
        expect(response.headers.get("Vary")).toContain("Accept");
        const text = await response.text();
        expect(text).toContain("What is new?");
        expect(text.slice(0, 1)).toBe(type.startsWith("text/") ? "#" : "{");
        const head = await session.get(`/export${query}`, headers, "HEAD");
        expect([head.status, head.headers.get("Content-Type")]).toEqual([200, type]);
      })(),
    );

    it.each(["text/html", "application/xml", "text/plain, application/json;q=0", "*/*;q=0", "?"])(
      "is never anything else than what is wanted: Accept %j is 406 and says what there is",
      (accept) =>
        fresh(async (server) => {
          const session = new SessionClient(server);
          await session.run();
          await expectProblem(
            await session.get("/export", { Accept: accept }),
            406,
            "An export is application/json, application/x-ndjson or text/markdown",
          );
        })(),
    );

    it(
      "has no other formats than those it names",
      fresh(async (server) => {
        const session = new SessionClient(server);
        await session.run();
        for (const format of ["xml", "", "JSON", "toString"])
          await expectProblem(
            await session.get(`/export?format=${format}`),
            400,
            "Invalid format: it may be json, ndjson or markdown",
          );
      }),
    );

    it(
      "answers HEAD with the headers alone",
      fresh(async (server) => {
        const session = new SessionClient(server);
        await session.play(RUN);
        const response = await session.get("/export", {}, "HEAD");
        expect(response.status).toBe(200);
        expect(response.headers.get("Content-Disposition")).toContain("s1-export.json");
        expect(await response.text()).toBe("");
      }),
    );

    it(
      "of a session that does not exist is 404",
      fresh(async (server) => {
        await expectProblem(
          await new SessionClient(server).get("/export"),
          404,
          "Session not found",
        );
      }),
    );
  });
}

/** The body's text. Some clients unpack by themselves and leave the header. */
async function unpacked(response: Response): Promise<string> {
  const bytes = new Uint8Array(await response.arrayBuffer());
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return new TextDecoder().decode(bytes);
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).text();
}
