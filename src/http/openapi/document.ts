import { AGENT_ROUTES } from "../agent-routes.ts";
import type { Route } from "../mount-routes.ts";
import { SESSION_ROUTES } from "../session-routes.ts";
import { STREAM_ROUTES } from "../stream-routes.ts";
import { COMPONENTS } from "./components.ts";
import type { AnswerDoc, RouteDoc } from "./route-doc.ts";
import { record, ref, type Schema, text } from "./schema.ts";

/** The part of an OpenAPI 3.1 document that is made here. */
export interface OpenApiDocument {
  readonly openapi: "3.1.0";
  readonly info: Readonly<Record<string, unknown>>;
  readonly tags: readonly { readonly name: string; readonly description: string }[];
  readonly security: readonly Readonly<Record<string, readonly string[]>>[];
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: {
    readonly schemas: Readonly<Record<string, Schema>>;
    readonly securitySchemes: Readonly<Record<string, Readonly<Record<string, string>>>>;
  };
}

/** A request by its method, path and parameters, and what may come of it. */
export interface Operation {
  readonly operationId: string;
  readonly summary: string;
  readonly description: string;
  readonly tags: readonly string[];
  readonly parameters: readonly Parameter[];
  readonly requestBody?: {
    readonly required: boolean;
    readonly content: Content;
  };
  readonly responses: Readonly<Record<string, OperationAnswer>>;
}

interface OperationAnswer {
  readonly description: string;
  readonly content?: Content;
}

type Content = Readonly<Record<string, { readonly schema: Schema }>>;

interface Parameter {
  readonly name: string;
  readonly in: "path" | "query" | "header";
  readonly required: boolean;
  readonly description?: string;
  readonly schema: Schema;
}

/** Where the tables' routes are, and what they are about. */
const TABLES: readonly {
  readonly tag: string;
  readonly about: string;
  readonly base: string;
  readonly routes: readonly Route[];
}[] = [
  {
    tag: "sessions",
    about: "Sessions, their runs and their events",
    base: "/api/projects/:projectName/agentic-sessions",
    routes: SESSION_ROUTES,
  },
  {
    tag: "agents",
    about: "The agents of a server with several",
    base: "/api/projects/:projectName/agents",
    routes: AGENT_ROUTES,
  },
  {
    tag: "streams",
    about: "Sessions as Durable Streams",
    base: "/v1/streams/:projectName",
    routes: STREAM_ROUTES,
  },
];

const health = (id: string, summary: string, more: RouteDoc["answers"] = {}): RouteDoc => ({
  id,
  summary,
  section: "8",
  answers: {
    200: {
      description: "It is",
      types: { "application/json": record({ status: text() }) },
    },
    ...more,
  },
});

/** What is asked without a token. */
const PROBES: readonly (readonly [path: string, doc: RouteDoc])[] = [
  ["/health", health("getHealth", "Says that the process answers")],
  [
    "/ready",
    health("getReadiness", "Says whether the server can do its work", {
      503: {
        description: "Not now",
        types: {
          "application/json": record({
            status: text(),
            missing: { type: "array", items: text() },
          }),
        },
      },
    }),
  ],
];

/** The version of PROTOCOL.md, not of the software. */
const VERSION = "1.0.0";

let made: OpenApiDocument | null = null;

/** What the server answers, as OpenAPI 3.1 (PROTOCOL 24): made of the route tables. */
export function openApiDocument(): OpenApiDocument {
  made ??= makeDocument();
  return made;
}

function makeDocument(): OpenApiDocument {
  const paths: Record<string, Record<string, Operation>> = {};
  const ids = new Map<string, number>();
  const add = (method: string, path: string, tag: string, doc: RouteDoc): void => {
    const template = path.replace(/(?<=.)\/$/, "").replaceAll(/:(\w+)/g, "{$1}");
    const number = (ids.get(doc.id) ?? 0) + 1;
    ids.set(doc.id, number);
    // one operation at several paths
    const operationId = number === 1 ? doc.id : `${doc.id}${number}`;
    paths[template] = {
      ...paths[template],
      [method.toLowerCase()]: operationOf(template, { operationId, tag, doc }),
    };
  };
  for (const { tag, base, routes } of TABLES)
    for (const [method, path, , , , , doc] of routes) add(method, `${base}${path}`, tag, doc);
  for (const [path, doc] of PROBES) add("GET", path, "probes", doc);
  return {
    openapi: "3.1.0",
    info: {
      title: "runlog",
      version: VERSION,
      description:
        "A durable session server for AI agents. PROTOCOL.md is normative; each operation names its section there.",
      license: { name: "MIT", identifier: "MIT" },
    },
    tags: [
      ...TABLES.map(({ tag, about }) => ({ name: tag, description: about })),
      { name: "probes", description: "Whether the server is there, and ready" },
    ],
    security: [{}, { bearer: [] }],
    paths,
    components: {
      schemas: COMPONENTS,
      securitySchemes: { bearer: { type: "http", scheme: "bearer" } },
    },
  };
}

interface OperationFacts {
  readonly operationId: string;
  readonly tag: string;
  readonly doc: RouteDoc;
}

function operationOf(template: string, { operationId, tag, doc }: OperationFacts): Operation {
  const { answers, body, headers = {}, query = {}, refusal, section, summary } = doc;
  const names = [...template.matchAll(/\{(\w+)\}/g)].map(([, name = ""]) => name);
  const parameters = [
    ...names.map((name) => parameter(name, "path", text())),
    ...Object.entries(query).map(([name, schema]) => parameter(name, "query", schema)),
    ...Object.entries(headers).map(([name, schema]) => parameter(name, "header", schema)),
  ];
  const responses = Object.entries(answers).map(([status, answer]) => [status, answerOf(answer)]);
  return {
    operationId,
    summary,
    description: `PROTOCOL ${section}.`,
    tags: [tag],
    parameters,
    ...(body && {
      requestBody: {
        required: body.isOptional !== true,
        content: { "application/json": { schema: body.schema } },
      },
    }),
    responses: { ...Object.fromEntries(responses), default: refusedWith(refusal) },
  };
}

function parameter(name: string, place: Parameter["in"], given: Schema): Parameter {
  const { description, ...schema } = given;
  const required = place === "path";
  return { name, in: place, required, ...(description !== undefined && { description }), schema };
}

function refusedWith(schema: Schema | undefined): OperationAnswer {
  return {
    description: "A problem document (PROTOCOL 1.1)",
    content: {
      "application/problem+json": { schema: ref("Problem") },
      ...(schema && { "application/json": { schema } }),
    },
  };
}

function answerOf({ description, types }: AnswerDoc): OperationAnswer {
  if (!types) return { description };
  const content = Object.entries(types).map(([type, schema]) => [
    type,
    { schema: schema ?? { type: "string" } },
  ]);
  return { description, content: Object.fromEntries(content) };
}
