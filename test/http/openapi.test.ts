import { Ajv2020 } from "ajv/dist/2020.js";
import { describe, expect, it, onTestFinished } from "vitest";
import { createMemoryLogStore } from "../../adapters/memory/index.ts";
import { AGENT_ROUTES } from "../../src/http/agent-routes.ts";
import type { OpenApiDocument, Operation } from "../../src/http/openapi/document.ts";
import type { Schema } from "../../src/http/openapi/schema.ts";
import { SESSION_ROUTES } from "../../src/http/session-routes.ts";
import { STREAM_ROUTES } from "../../src/http/stream-routes.ts";
import { expectProblem, runBody } from "../contract/session-routes/harness.ts";
import { checked } from "../support/openapi-check.ts";
import { startServer } from "../support/server-process.ts";
import { createTestServer } from "../support/test-server.ts";

async function freshServer() {
  const server = await createTestServer({ store: createMemoryLogStore() });
  onTestFinished(() => server.dispose());
  return server;
}

async function served() {
  const server = await freshServer();
  const answer = await server.app.request("/openapi.json", { headers: { Host: "127.0.0.1" } });
  expect(answer.status).toBe(200);
  expect(answer.headers.get("Content-Type")).toBe("application/json");
  return { server, document: (await answer.json()) as OpenApiDocument };
}

/** All operations, with their method and path. */
function operationsOf({ paths }: OpenApiDocument) {
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ method, path, operation })),
  );
}

describe("the OpenAPI document", () => {
  it("has every route of the tables once, with its parameters", async () => {
    const { document } = await served();
    const operations = operationsOf(document);
    const routes = [...SESSION_ROUTES, ...STREAM_ROUTES, ...AGENT_ROUTES];
    // and the two probes
    expect(operations.length).toBe(routes.length + 2);
    const ids = operations.map(({ operation }) => operation.operationId);
    expect(new Set(ids).size).toBe(ids.length);
    for (const { operation, path } of operations) {
      const named = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
      const inPath = operation.parameters.filter((each) => each.in === "path");
      expect(inPath.map(({ name }) => name)).toEqual(named);
      expect(operation.summary).toMatch(/^[A-Z].+[^.]$/);
      expect(Object.keys(operation.responses).length).toBeGreaterThan(1);
    }
  });

  it("has schemas of JSON Schema alone, whose references lead somewhere", async () => {
    const { document } = await served();
    const ajv = new Ajv2020({ strict: true, allowUnionTypes: true, validateFormats: false });
    ajv.addKeyword("components");
    ajv.addSchema({ $id: "doc", components: document.components });
    const references = JSON.stringify(document).match(/"#\/components\/schemas\/\w+"/g) ?? [];
    expect(references.length).toBeGreaterThan(20);
    for (const reference of new Set(references))
      expect(ajv.compile({ $ref: `doc${reference.slice(1, -1)}` })).toBeTypeOf("function");
  });

  it("is served to whoever asks, as the page is, and to nobody where it is turned off", async () => {
    const env = { RUNLOG_AUTH: "token", RUNLOG_TOKENS: "", STORAGE_URL: "memory:" };
    const tokens = `ann ${"a".repeat(64)} read *`;
    const on = await startServer({ env: { ...env, RUNLOG_TOKENS: tokens } });
    const page = await on.fetch("/docs");
    expect(page.status).toBe(200);
    const html = await page.text();
    expect(page.headers.get("Content-Type")).toBe("text/html; charset=utf-8");
    expect(page.headers.get("X-Content-Type-Options")).toBe("nosniff");
    const policy = page.headers.get("Content-Security-Policy") ?? "";
    expect(policy).toMatch(/^default-src 'none'; style-src 'sha256-[\w+/=]{44}'; /);
    expect(policy).not.toContain("unsafe");
    expect(html).not.toMatch(/<script|https?:|\son\w+=|javascript:/i);
    const document = (await (await on.fetch("/openapi.json")).json()) as OpenApiDocument;
    for (const { operation } of operationsOf(document)) expect(html).toContain(operation.summary);
    await expectProblem(await on.fetch("/docs", { method: "POST" }), 405, /only GET/);
    const off = await startServer({ env: { ...env, RUNLOG_TOKENS: tokens, RUNLOG_DOCS: "0" } });
    for (const path of ["/openapi.json", "/docs"])
      await expectProblem(await off.fetch(path), 404, "Not found");
  });

  it("is what requests and answers of tests are held against", async () => {
    const answered = (answer: Response) => checked(() => Promise.resolve(answer));
    const session = "/api/projects/p1/agentic-sessions/s1";
    const runs = { runs: [], next: null };
    const good = await answered(Response.json(runs))(`${session}/runs?limit=5`);
    expect(await good.json()).toEqual(runs);
    const more = await answered(Response.json({ ...runs, more: 1 }))(`${session}/runs`);
    await expect(more.json()).rejects.toThrow(/listRuns|additional properties/);
    const less = await answered(Response.json({ runs: [] }))(`${session}/runs`);
    await expect(less.text()).rejects.toThrow(/'next'/);
    const failures: [string, RequestInit, Response][] = [
      [`${session}/runs?limit=0`, {}, Response.json(runs)],
      [`${session}/runs`, {}, Response.json(runs, { status: 201 })],
      [`${session}/runs`, {}, new Response("x", { headers: { "Content-Type": "text/plain" } })],
      [`${session}/runs`, {}, Response.json({}, { status: 404 })],
      [`${session}/nothing`, {}, Response.json({})],
      [`${session}/fork`, { method: "POST", body: '{"at":1}' }, Response.json({}, { status: 201 })],
      [`${session}/fork`, { method: "POST", body: "" }, Response.json({}, { status: 201 })],
    ];
    for (const [path, init, answer] of failures)
      await expect(answered(answer)(path, init), path).rejects.toThrow("OpenAPI");
  });
});

/** Values that are none of the schema, as far as it says: as JSON. */
function misfits({ $ref, anyOf, enum: values, maximum, minimum, type }: Schema): string[] {
  if ($ref !== undefined || anyOf || type === undefined) return [];
  const types = [type].flat();
  return [
    ...(types.includes("string") ? [] : ['"x"']),
    ...(types.some((name) => /integer|number/.test(name)) ? [] : ["7"]),
    ...(types.includes("boolean") ? [] : ["true"]),
    ...(types.includes("array") ? [] : ["[]"]),
    ...(values ? ['"none"'] : []),
    ...(minimum === undefined ? [] : [String(minimum - 1)]),
    ...(maximum === undefined ? [] : [String(maximum + 1)]),
  ];
}

/** The same in a URL, where everything is a text. */
function textMisfits(schema: Schema): string[] {
  if (schema.enum) return ["none"];
  return schema.type === "string" ? [] : misfits(schema).map((json) => json.replaceAll('"', ""));
}

/** Members with which nothing is wrong, wherever they are meant. */
const GOOD = { metaType: "m", payload: {}, threadId: "s1", type: "META" };

/** What nobody may send: as query and body. */
function badRequests({
  operation,
  method,
}: {
  readonly operation: Operation;
  readonly method: string;
}) {
  const inQuery = operation.parameters.filter((each) => each.in === "query" && method === "get");
  const queries = inQuery.flatMap(({ name, schema }) =>
    textMisfits(schema).map((text) => ({ query: `?${new URLSearchParams({ [name]: text })}` })),
  );
  const { properties = {}, required = [] } =
    operation.requestBody?.content["application/json"]?.schema ?? {};
  const wrong = Object.entries(properties).flatMap(([name, member]) =>
    misfits(member).map((json) => ({ ...GOOD, [name]: JSON.parse(json) as unknown })),
  );
  const missing = required.map((missed) =>
    Object.fromEntries(Object.entries(GOOD).filter(([name]) => name !== missed)),
  );
  return [...queries, ...[...wrong, ...missing].map((body) => ({ body: JSON.stringify(body) }))];
}

describe("what the OpenAPI document refuses", () => {
  it("is refused by the server, on every route", async () => {
    const { document, server } = await served();
    const posted = await server.fetch("/api/projects/p1/agentic-sessions/s1/agui/run", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: runBody(),
    });
    expect(posted.status).toBe(200);
    let asked = 0;
    for (const { method, operation, path } of operationsOf(document)) {
      const url = path
        .replace("{projectName}", "p1")
        .replace("{sessionName}", "s1")
        .replaceAll(/\{\w+\}/g, "x");
      for (const { query = "", body } of badRequests({ method, operation }) as Bad[]) {
        const answer = await server.fetch(`${url}${query}`, {
          method: method.toUpperCase(),
          ...(body !== undefined && { body, headers: { "Content-Type": "application/json" } }),
        });
        await answer.body?.cancel();
        expect(answer.status, `${method} ${url}${query} ${body}`).toBe(400);
        asked++;
      }
    }
    expect(asked).toBeGreaterThan(100);
  });
});

interface Bad {
  readonly query?: string;
  readonly body?: string;
}
