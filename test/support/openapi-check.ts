import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import { openApiDocument, type Operation } from "../../src/http/openapi/document.ts";
import type { Schema } from "../../src/http/openapi/schema.ts";

const document = openApiDocument();
const ajv = new Ajv2020({ strict: false, validateFormats: false, allErrors: true });
// in the document objects may get members later; what comes now has to be in it
ajv.addSchema({ $id: "doc", components: closed(document.components) });

/** Longest body of a request that is looked at, in UTF-16 units. */
const MAX_BODY = 32_768;

const compiled = new WeakMap<Schema, ValidateFunction>();

/** Says that a request or an answer is not as the OpenAPI document says. */
class OpenApiError extends Error {
  constructor(request: string, problem: string) {
    super(`${request} is not as the OpenAPI document says: ${problem}`);
    this.name = "OpenApiError";
  }
}

/** The requests of a test, each of which is held against the OpenAPI document, with its answer as far as the test reads it. */
export function checked(
  send: (path: string, init?: RequestInit) => Promise<Response>,
): (path: string, init?: RequestInit) => Promise<Response> {
  return async (path, init = {}) => {
    const response = await send(path, init);
    return checkExchange(path, init, response);
  };
}

function checkExchange(path: string, init: RequestInit, response: Response): Response {
  const { pathname, searchParams } = new URL(path, "http://localhost");
  const method = init.method ?? "GET";
  const request = `${method} ${path}`;
  const operation = operationOf(method === "HEAD" ? "GET" : method, pathname);
  const type = mediaTypeOf(response.headers.get("Content-Type"));
  const fail = (problem: string): never => {
    throw new OpenApiError(request, problem);
  };
  if (!operation) {
    const isElsewhere = pathname.startsWith("/api/copilotkit") || method === "OPTIONS";
    if (response.status < 400 && !isElsewhere) fail("it has no such operation");
    return response;
  }
  // a refused request need not be a good one
  if (response.status < 300) {
    for (const problem of [
      ...parameterProblems(operation, searchParams),
      ...bodyProblems(operation, init),
    ])
      fail(problem);
  }
  const { responses } = operation;
  const { status } = response;
  const answer = responses[status] ?? responses[`${Math.floor(status / 100)}XX`];
  if (!answer && status < 400) fail(`it has no answer ${status}`);
  const schemas = (answer ?? responses["default"])?.content ?? {};
  if (method === "HEAD" || type === null) return response;
  const found = schemas[type] ?? schemas["*/*"];
  if (!found) return fail(`an answer ${response.status} is not ${type}`);
  if (!/[/+]json$/.test(type) || schemas[type] === undefined) return response;
  return checkedWhenRead(response, (json) => {
    const problem = problemOf(found.schema, json);
    if (problem !== null) fail(`the answer ${response.status}: ${problem}`);
  });
}

/** The same answer, looked at when somebody reads it as a whole; streams flow as they did. */
function checkedWhenRead(response: Response, check: (json: unknown) => void): Response {
  const readText = response.text.bind(response);
  const text = async (): Promise<string> => {
    const read = await readText();
    if (read !== "") check(JSON.parse(read));
    return read;
  };
  const json = async (): Promise<unknown> => JSON.parse(await text());
  return Object.assign(response, { text, json });
}

function operationOf(method: string, pathname: string): Operation | null {
  const segments = pathname.split("/");
  const found = Object.entries(document.paths)
    .filter(([template]) => {
      const parts = template.split("/");
      const fits = (part: string, i: number): boolean =>
        part.startsWith("{") ? segments[i] !== "" : part === segments[i];
      return parts.length === segments.length && parts.every(fits);
    })
    // a name is taken before a parameter
    .sort(([one], [other]) => one.split("{").length - other.split("{").length)
    .map(([, methods]) => methods[method.toLowerCase()]);
  return found[0] ?? null;
}

function mediaTypeOf(header: string | null): string | null {
  return header?.split(";", 1)[0]?.trim().toLowerCase() ?? null;
}

function parameterProblems(operation: Operation, query: URLSearchParams): string[] {
  const known = operation.parameters.filter((each) => each.in === "query");
  return [...query].flatMap(([name, value]) => {
    const schema = known.find((each) => each.name === name)?.schema;
    // what nobody knows is ignored, and some servers' clients send it
    if (!schema) return [];
    const isNumber = schema.type === "integer" && value !== "";
    const problem = value === "" ? null : problemOf(schema, isNumber ? Number(value) : value);
    return problem === null ? [] : [`?${name}=${value}: ${problem}`];
  });
}

function bodyProblems({ requestBody }: Operation, { body, headers }: RequestInit): string[] {
  const isPlain = typeof body === "string" && !new Headers(headers).has("Content-Encoding");
  // tests of large bodies watch what is parsed
  if (!isPlain || body.length > MAX_BODY) return [];
  if (!requestBody) return ["it takes no body"];
  const [content] = Object.values(requestBody.content);
  if (body.trim() === "") return requestBody.required ? ["its body is missing"] : [];
  // what is not looked at need not be JSON
  const isRead = content && Object.keys(content.schema).length > 0;
  const problem = isRead ? problemOf(content.schema, JSON.parse(body)) : null;
  return problem === null ? [] : [`its body: ${problem}`];
}

function problemOf(schema: Schema, value: unknown): string | null {
  let validate = compiled.get(schema);
  if (!validate) {
    validate = ajv.compile(closed(absolute(schema)));
    compiled.set(schema, validate);
  }
  return validate(value)
    ? null
    : `${ajv.errorsText(validate.errors)} in ${JSON.stringify(value).slice(0, 500)}`;
}

/** References within the document, from without. */
function absolute<T>(value: T): T {
  return JSON.parse(JSON.stringify(value).replaceAll('"#/components/', '"doc#/components/')) as T;
}

/** The same without room for members that it does not name, but where it says so. */
function closed<T>(value: T): T {
  return JSON.parse(JSON.stringify(value), (_key, each: unknown) =>
    isRecord(each) ? { additionalProperties: false, ...each } : each,
  ) as T;
}

function isRecord(value: unknown): value is object {
  const { properties, type }: { properties?: unknown; type?: unknown } = Object(value);
  return (
    properties !== undefined &&
    (type === "object" || (Array.isArray(type) && type.includes("object")))
  );
}
