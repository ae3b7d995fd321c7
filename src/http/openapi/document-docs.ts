import { json, type RouteDoc } from "./route-doc.ts";
import { anything, integer, list, mapOf, nullable, open, record, ref, text } from "./schema.ts";

const message = json(record({ message: text() }));
/** A body that is not looked at. */
const unused = { schema: anything(), isOptional: true } as const;
const document = json(ref("SessionDocument"));
const LLM_SETTINGS = open(
  {},
  {
    model: nullable(text()),
    temperature: nullable({ type: "number" }),
    maxTokens: nullable(integer()),
  },
);

type DocumentRoute =
  | "list"
  | "create"
  | "get"
  | "patch"
  | "put"
  | "rename"
  | "remove"
  | "start"
  | "stop"
  | "podEvents";

/** What the session routes that have to do with documents take and give. */
export const DOCUMENT_DOCS: Readonly<Record<DocumentRoute, RouteDoc>> = {
  list: {
    id: "listSessions",
    summary: "Lists the sessions of a project",
    section: "7.1",
    query: {
      limit: integer("At most 100; 0 or less is the default.", { default: 20 }),
      offset: integer("How many are left out.", { default: 0 }),
      search: text("Only sessions whose name, display name or initial prompt contains it."),
    },
    answers: { 200: json(ref("SessionPage")) },
  },
  create: {
    id: "createSession",
    summary: "Creates a session",
    section: "7.5",
    body: {
      schema: open(
        {},
        {
          name: nullable(text("Default: a random one.")),
          agent: nullable(text()),
          displayName: nullable(text()),
          initialPrompt: nullable(text()),
          runnerType: nullable(text()),
          llmSettings: nullable(LLM_SETTINGS),
          timeout: nullable(integer("Seconds.")),
          inactivityTimeout: nullable(integer("Seconds.")),
          labels: nullable(mapOf(text())),
          annotations: nullable(mapOf(text())),
          environmentVariables: nullable(mapOf(text())),
          parent_session_id: nullable(text()),
          sdkOptions: nullable(open({})),
        },
      ),
    },
    answers: { 201: json(ref("CreatedSession"), "Created") },
  },
  get: {
    id: "getSession",
    summary: "Returns a session's document",
    section: "7.2",
    answers: { 200: document },
  },
  patch: {
    id: "annotateSession",
    summary: "Sets and removes annotations of a session",
    section: "7.6",
    body: {
      schema: record({
        metadata: record({ annotations: mapOf(nullable(text("Null removes it."))) }),
      }),
    },
    answers: { 200: json(record({ message: text(), annotations: mapOf(text()) })) },
  },
  put: {
    id: "changeSession",
    summary: "Changes what a session is made of",
    section: "7.7",
    body: {
      schema: open(
        {},
        {
          initialPrompt: nullable(text()),
          displayName: nullable(text()),
          timeout: nullable(integer("Seconds.")),
          llmSettings: nullable(LLM_SETTINGS),
          mcpServers: nullable(open({})),
        },
      ),
    },
    answers: { 200: document },
  },
  rename: {
    id: "renameSession",
    summary: "Names a session",
    section: "7.8",
    body: { schema: open({ displayName: text("1 to 50 characters.") }) },
    answers: { 200: document },
  },
  remove: {
    id: "deleteSession",
    summary: "Deletes a session and all that is stored of it",
    section: "7.10",
    answers: { 204: { description: "It is gone" } },
  },
  start: {
    id: "startSession",
    summary: "Asks for a session to run",
    section: "7.9",
    body: unused,
    answers: { 202: { ...document, description: "It was asked for" } },
  },
  stop: {
    id: "stopSession",
    summary: "Asks for a session to stop",
    section: "7.9",
    body: unused,
    answers: {
      200: { ...message, description: "The session is gone" },
      202: { ...document, description: "It was asked for" },
    },
  },
  podEvents: {
    id: "listPodEvents",
    summary: "Says what happened to the session's pod",
    section: "7.13",
    answers: {
      200: json(
        record({
          events: list(
            record({
              type: text(),
              reason: text(),
              message: text(),
              timestamp: text(),
              count: integer(),
            }),
          ),
        }),
      ),
    },
  },
};
