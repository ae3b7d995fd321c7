import { MAX_PAGE_EVENTS } from "../../core/history/page-bounds.ts";
import { MAX_PAGE_RUNS } from "../../core/history/run-list.ts";
import { events, json, type RouteDoc } from "./route-doc.ts";
import { anything, integer, list, nullable, open, record, ref, text } from "./schema.ts";

const message = json(record({ message: text() }));
const notTaken = record({ error: text(), status: { const: "failed" } });
/** What an agent answers, with its status and its type. */
const passed = { description: "What the agent answers", types: { "*/*": null } } as const;
/** A body that is not looked at. */
const unused = { schema: anything(), isOptional: true } as const;
const viewed = text("`raw`: every event as it was stored. Default: finished runs come compact.", {
  enum: ["raw"],
});
const limited = (what: string, maximum: number) =>
  integer(`How many ${what}.`, { minimum: 1, maximum, default: 100 });
const agent = { agent: text("The agent that the session is to have (21.2).") };
const profile = {
  profile: text("Which of AG-UI's event types the client knows (11.2).", {
    enum: ["1.0", "0.0"],
  }),
};
const lastEventId = { "Last-Event-ID": text("The cursor of the last event that the client has.") };

type LogRoute =
  | "events"
  | "page"
  | "body"
  | "messages"
  | "snapshot"
  | "ticket"
  | "connect"
  | "run"
  | "joinRun"
  | "suggest"
  | "cancel"
  | "interrupt"
  | "feedback"
  | "capabilities"
  | "mcpStatus"
  | "tasks"
  | "taskOutput"
  | "stopTask"
  | "runs"
  | "export"
  | "fork"
  | "archive"
  | "restore";

/** What the session routes that have to do with logs take and give. */
export const LOG_DOCS: Readonly<Record<LogRoute, RouteDoc>> = {
  events: {
    id: "streamEvents",
    summary: "Streams the events of a session, then those that come",
    section: "4",
    query: {
      after: text("The cursor after which it begins. Default: the start."),
      view: text("`snapshot` begins with the messages and the state as they are.", {
        enum: ["raw", "snapshot"],
      }),
      ticket: text("In place of a token (13.10)."),
    },
    headers: lastEventId,
    answers: { 200: events("The events, without an end") },
  },
  page: {
    id: "pageEvents",
    summary: "Returns some events that follow each other",
    section: "20.1",
    query: {
      after: text("The events after this cursor; empty: from the start."),
      before: text("The events before this cursor; empty: from the end."),
      offset: integer("In place of both: from the event that begins at or after this byte.", {
        minimum: 0,
      }),
      limit: limited("events", MAX_PAGE_EVENTS),
      view: viewed,
    },
    answers: {
      200: {
        description: "The page",
        types: { "application/json": ref("EventPage"), "application/x-ndjson": null },
      },
    },
  },
  body: {
    id: "getEvent",
    summary: "Returns one stored event",
    section: "12.2",
    answers: { 200: json(ref("AgUiEvent")) },
  },
  messages: {
    id: "getMessages",
    summary: "Returns messages, state and runs as they are now",
    section: "12.6",
    headers: { "If-None-Match": text() },
    answers: { 200: json(ref("SessionNow")), 304: { description: "As the ETag says" } },
  },
  snapshot: {
    id: "getSnapshot",
    summary: "Returns messages and state as they were at a cursor",
    section: "20.3",
    query: { at: text("The cursor.") },
    answers: { 200: json(ref("SessionThen")) },
  },
  ticket: {
    id: "makeTicket",
    summary: "Makes a ticket for the event stream, for clients that cannot send a token",
    section: "13.10",
    body: unused,
    answers: { 200: json(ref("StreamTicket")) },
  },
  connect: {
    id: "connect",
    summary: "Streams a session for clients of AG-UI",
    section: "11",
    query: {
      view: text(undefined, { enum: ["raw", "snapshot"] }),
      ...profile,
      ...agent,
    },
    headers: lastEventId,
    body: { schema: ref("RunInput") },
    answers: { 200: events("The history, and the run that goes on") },
  },
  run: {
    id: "run",
    summary: "Starts a run",
    section: "5",
    query: { ...profile, ...agent },
    headers: lastEventId,
    body: { schema: ref("RunInput") },
    answers: {
      200: {
        description: "The run was accepted; as an event stream where that is asked for",
        types: { "application/json": ref("RunIds"), "text/event-stream": null },
      },
    },
  },
  joinRun: {
    id: "joinRun",
    summary: "Returns what a chat of TanStack AI asks for when its page is loaded",
    section: "12.7",
    query: {
      threadId: text(),
      runId: text(),
      offset: text(undefined, { enum: ["-1"] }),
      ...profile,
    },
    headers: lastEventId,
    answers: {
      200: {
        description: "The thread, or the run's events",
        types: {
          "application/json": record({
            messages: nullable(list(open({}))),
            activeRun: nullable(record({ runId: text() })),
            interrupts: nullable(record({ runId: text(), pending: list(anything()) })),
          }),
          "text/event-stream": null,
        },
      },
    },
  },
  suggest: {
    id: "suggest",
    summary: "Runs the agent for its caller alone",
    section: "9.10",
    query: agent,
    body: { schema: ref("RunInput") },
    answers: { 200: events("What the agent says") },
  },
  cancel: {
    id: "cancelRun",
    summary: "Cancels a run",
    section: "9.9",
    body: {
      schema: open({}, { runId: nullable(text("Default: the active run.")) }),
      isOptional: true,
    },
    answers: { 200: json(ref("RunIds")) },
  },
  interrupt: {
    id: "interruptRun",
    summary: "Interrupts the active run",
    section: "9.3",
    body: unused,
    answers: { 200: message },
  },
  feedback: {
    id: "sendFeedback",
    summary: "Passes feedback on to the agent",
    section: "9.4",
    body: {
      schema: open(
        { type: { const: "META" } },
        { metaType: text(), payload: open({}), threadId: text() },
      ),
    },
    answers: {
      200: json(record({ message: text(), status: { const: "sent" } })),
      202: json(notTaken, "The agent is away"),
    },
    refusal: notTaken,
  },
  capabilities: {
    id: "getCapabilities",
    summary: "Asks the agent what it can do",
    section: "9.5",
    query: agent,
    answers: { 200: json(open({})) },
  },
  mcpStatus: {
    id: "getMcpStatus",
    summary: "Asks the agent for its MCP servers",
    section: "9.5",
    answers: { 200: json(open({})) },
  },
  tasks: {
    id: "listTasks",
    summary: "Asks the agent for its background tasks",
    section: "9.6",
    answers: { "2XX": passed, "3XX": passed },
  },
  taskOutput: {
    id: "getTaskOutput",
    summary: "Asks the agent for the output of a background task",
    section: "9.6",
    answers: { "2XX": passed, "3XX": passed },
  },
  stopTask: {
    id: "stopTask",
    summary: "Stops a background task",
    section: "9.7",
    body: unused,
    answers: { 200: message },
  },
  runs: {
    id: "listRuns",
    summary: "Lists the runs of a session",
    section: "20.2",
    query: {
      cursor: text("The `next` of the page before."),
      limit: limited("runs that have ended", MAX_PAGE_RUNS),
    },
    answers: { 200: json(ref("RunPage")) },
  },
  export: {
    id: "exportSession",
    summary: "Returns the whole history as a file",
    section: "6",
    query: {
      format: text(undefined, { enum: ["json", "ndjson", "markdown"], default: "json" }),
      view: viewed,
    },
    answers: {
      200: {
        description: "The file",
        types: {
          "application/json": record(
            {
              sessionId: text(),
              projectName: text(),
              exportDate: text(),
              aguiEvents: list(ref("AgUiEvent")),
              hasLegacy: { type: "boolean" },
            },
            { legacyMessages: list(anything()) },
          ),
          "application/x-ndjson": null,
          "text/markdown": null,
        },
      },
    },
  },
  fork: {
    id: "forkSession",
    summary: "Makes a session with the log up to a cursor",
    section: "20.4",
    body: { schema: open({ at: text("The cursor.") }, { displayName: nullable(text()) }) },
    answers: { 201: json(ref("ForkedSession"), "Created") },
  },
  archive: {
    id: "archiveSession",
    summary: "Archives a session",
    section: "16",
    body: {
      schema: open({}, { deleteLocal: nullable({ type: "boolean" }) }),
      isOptional: true,
    },
    answers: { 200: json(open({ project: text(), session: text(), logId: text() })) },
  },
  restore: {
    id: "restoreSession",
    summary: "Brings the bytes of an archived session back",
    section: "16.4",
    body: unused,
    answers: { 200: json(record({ project: text(), session: text(), logId: text() })) },
  },
};
