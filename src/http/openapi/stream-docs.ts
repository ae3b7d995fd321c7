import { json, type RouteDoc } from "./route-doc.ts";
import { list, open, ref, text } from "./schema.ts";

const producer = {
  "Producer-Id": text("Who pushes: each batch of a producer is stored once."),
  "Producer-Epoch": text(),
  "Producer-Seq": text("The number of the batch, from 0."),
};

/** What a producer sends: one event, or several. They are stored as they are, also what no client knows. */
const pushed = open({});
const events = { anyOf: [pushed, list(pushed)] };

/** They have a type and no body. */
const empty = { "application/json": null };

const read = {
  section: "23.2",
  query: {
    offset: text("Where to begin: `-1`, `now`, or an offset that the stream gave."),
    live: text("Waits for what comes.", { enum: ["long-poll", "sse"] }),
    cursor: text(),
  },
  headers: { "If-None-Match": text() },
  answers: {
    200: {
      description: "Events after the offset",
      types: { "application/json": list(ref("AgUiEvent")), "text/event-stream": null },
    },
    204: { description: "Nothing has come" },
    304: { description: "As the ETag says" },
  },
};

type StreamRoute = "read" | "readRun" | "create" | "push" | "remove";

/** What the routes of Durable Streams take and give. */
export const STREAM_DOCS: Readonly<Record<StreamRoute, RouteDoc>> = {
  read: { id: "readStream", summary: "Reads a session as a Durable Stream", ...read },
  readRun: { id: "readRunStream", summary: "Reads a run as a Durable Stream", ...read },
  create: {
    id: "createStream",
    summary: "Creates a session, if there is none",
    section: "23.6",
    body: { schema: events, isOptional: true },
    answers: {
      200: { description: "There was one", types: empty },
      201: { description: "Created", types: empty },
    },
  },
  push: {
    id: "pushEvents",
    summary: "Pushes events of a run",
    section: "23.7",
    headers: producer,
    body: { schema: events },
    answers: {
      200: { description: "They are stored" },
      204: { description: "They are stored, or were before" },
    },
  },
  remove: {
    id: "deleteStream",
    summary: "Deletes a session",
    section: "23.6",
    answers: { 204: { description: "It is gone" } },
  },
};

/** What the list of agents takes and gives. */
export const AGENT_DOCS: Readonly<Record<"list", RouteDoc>> = {
  list: {
    id: "listAgents",
    summary: "Lists the agents that sessions can have",
    section: "21.1",
    answers: {
      200: json({
        type: "object",
        properties: { agents: list(ref("Agent")) },
        required: ["agents"],
      }),
    },
  },
};
