import { TOKEN_KINDS } from "../../core/model/token-usage.ts";
import {
  anything,
  flag,
  integer,
  list,
  mapOf,
  nullable,
  open,
  record,
  ref,
  type Schema,
  text,
} from "./schema.ts";

const TIME = { format: "date-time" };
const cursor = (description: string): Schema => nullable(text(description));

/** The values of `status` of a run (PROTOCOL 20.2). */
const RUN_STATUS = [
  "waiting",
  "running",
  "finished",
  "interrupted",
  "cancelled",
  "error",
  "unended",
] as const;

const RUN_IDS = { runId: text(), threadId: text() };

/** What requests and answers are made of, by name. The types of `runlog/client` are made of these. */
export const COMPONENTS: Readonly<Record<string, Schema>> = {
  Problem: record(
    {
      type: text("`/problems/<code>`."),
      title: text("The reason phrase of the status."),
      status: integer(),
      detail: text("For people."),
      error: text("The same as `detail`."),
      instance: text("The request's `X-Request-Id`, or a random id."),
    },
    {
      runId: text("The run that is in the way."),
      limit: integer("The limit that is reached."),
      phase: text("The session's phase."),
      agent: text("The session's agent."),
    },
    "Why a request was refused: RFC 9457 (1.1).",
  ),
  AgUiEvent: open({ type: text() }, {}, "An event of AG-UI."),
  SessionMessage: open({ id: text(), role: text() }, {}, "A message of AG-UI."),
  RunInput: open(
    {},
    {
      runId: nullable(text("Default: a new one, by which the same run may be posted again.")),
      threadId: nullable(text("Default: the session's name.")),
      messages: nullable(list(open({}))),
    },
    "What a run is posted with: a `RunAgentInput` of AG-UI, of which the messages are enough (5.1).",
  ),
  RunIds: record(RUN_IDS, {}, "A run that was posted, or is going on (5.2)."),
  TokenUsage: record(
    {},
    Object.fromEntries(TOKEN_KINDS.map((kind) => [kind, integer()])),
    "Tokens, summed (20.5). What nobody said is missing.",
  ),
  EventPage: record(
    {
      events: list(ref("AgUiEvent")),
      cursors: list(text(), "The cursor of each."),
      times: list(
        nullable(integer()),
        "When each arrived, epoch ms; null where that is not known, as of what comes compact.",
      ),
      start: cursor("For the page `before` this one. Null without a log, as `end`."),
      end: cursor("For the page `after` this one."),
      hasBefore: flag(),
      hasAfter: flag(),
      startOffset: integer("How many bytes of the history come before the page."),
      endOffset: integer("How many bytes it has up to the page's end."),
      size: integer("How many bytes the whole history has."),
    },
    {},
    "Some events that follow each other, oldest first (20.1).",
  ),
  RunFacts: record(
    {
      runId: text(),
      threadId: nullable(text()),
      status: text(undefined, { enum: RUN_STATUS }),
      startedAt: nullable(text("ISO 8601, as `endedAt`; null where the log does not say.", TIME)),
      endedAt: nullable(text(undefined, TIME)),
      startCursor: cursor("The page `after` it begins with the run."),
      endCursor: cursor("After the event that ended it."),
      events: integer(),
      bytes: integer(),
      toolCalls: integer(),
      usage: nullable(ref("TokenUsage", "Null if nothing is said.")),
      error: nullable(record({ message: text() }, { code: nullable(text()) })),
    },
    {},
    "What there is to say of a run (20.2).",
  ),
  RunPage: record(
    {
      runs: list(ref("RunFacts")),
      next: cursor("Where the runs before go on; null if there are none."),
    },
    {},
    "A page of runs, newest first (20.2).",
  ),
  SessionNow: record(
    {
      threadId: text(),
      messages: nullable(
        list(ref("SessionMessage"), "Null where they take more room than the server has."),
      ),
      state: anything("`{}` if nothing has set it; null where it is not known."),
      activeRun: nullable(ref("RunIds")),
      waitingRuns: list(record(RUN_IDS, { input: anything() })),
      interrupts: nullable(
        list(anything(), "What the agent waits for; null where it takes too much room."),
      ),
      cursor: cursor("Where the events go on after this. Null without a log."),
    },
    { incomplete: { description: "Something is left out because of its size.", const: true } },
    "What a session is now (12.6).",
  ),
  SessionThen: record(
    {
      cursor: text(),
      run: nullable(ref("RunIds", "The run that was open.")),
      open: list(ref("AgUiEvent"), "For each item that was open in it the event that begins it."),
      interrupts: nullable(list(anything())),
      messages: nullable(list(ref("SessionMessage"))),
      state: anything(),
    },
    { incomplete: { description: "Something is left out because of its size.", const: true } },
    "What a client had at a cursor (20.3).",
  ),
  SessionDocument: open(
    {
      metadata: open(
        { name: text(), namespace: text() },
        {
          uid: text(),
          creationTimestamp: text(),
          labels: mapOf(text()),
          annotations: mapOf(text()),
        },
      ),
      spec: open({ displayName: text() }, { initialPrompt: text() }),
    },
    {
      status: open(
        {},
        {
          phase: text(),
          agentStatus: text("Not there before an event has decided it (7.4).", {
            enum: ["working", "idle", "waiting_input"],
          }),
          activeRun: ref("RunIds"),
          usage: ref("TokenUsage"),
        },
      ),
    },
    "A session's document (7.2).",
  ),
  SessionPage: record(
    {
      items: list(ref("SessionDocument")),
      totalCount: integer(),
      limit: integer(),
      offset: integer(),
      hasMore: flag(),
    },
    { nextOffset: integer("There if `hasMore`.") },
    "A page of sessions, newest first (7.1).",
  ),
  CreatedSession: record(
    { message: text(), name: text(), uid: text(), autoBranch: text() },
    {},
    "A session that was created (7.5).",
  ),
  ForkedSession: record(
    { name: text(), uid: text(), cursor: cursor("Where its log ends.") },
    {},
    "A session whose log begins with that of another one (20.4).",
  ),
  StreamTicket: record(
    {
      ticket: text("For `agui/events?ticket=`."),
      expiresAt: text("When it has to be used for the first time, ISO 8601.", TIME),
    },
    {},
    "What opens a session's event stream without a token (13.10).",
  ),
  Agent: record(
    { name: text() },
    { description: text() },
    "An agent that sessions can have (21.1).",
  ),
};
