import { text as readText } from "node:stream/consumers";
import type { AgUiEvent, RemoteSession, RunIds } from "../../../client/index.ts";
import { EXIT, type ExitCode, UsageError } from "../../exit.ts";
import { say } from "../../process.ts";
import { visible } from "../../terminal/visible.ts";
import { parseArgs } from "../arguments.ts";
import type { Command } from "../command.ts";
import { forOutput, write } from "./output.ts";
import { oneSession, SERVER_HELP, SERVER_OPTIONS, serverOf } from "./server.ts";

const OPTIONS = { ...SERVER_OPTIONS } as const;

/** `runlog send`. */
export const sendCommand: Command = {
  name: "send",
  summary: "say something to a session's agent, and print the answer as it comes",
  help: `Usage: runlog send <project>/<session> [<text> ...] [options]

Starts a run with a message and prints what the agent says; tools that it calls are named on standard
error. Without a text, or with -, the message is read from standard input. Ctrl-C cancels
the run; again, it leaves it to itself.

  --json          the run's events in place of the text, one JSON object a line
${SERVER_HELP}
Examples:
  runlog send demo/hello 'Fix the failing test'
  git diff | runlog send demo/review
  runlog send demo/hello 'Go on' --json | jq -r .type
`,
  async run(args) {
    const { values, positionals } = parseArgs({
      args: [...args],
      options: OPTIONS,
      allowPositionals: true,
    });
    const [name, ...words] = positionals;
    const key = oneSession("send", name === undefined ? [] : [name]);
    const content = await messageOf(words);
    const server = serverOf(values.server, process.env);
    const session = server.project(key.project).session(key.session);
    return server.ask(key, async () => {
      const after = await endOf(session);
      // somebody waits: a run that cannot be posted now is not tried for long
      const posting = server.project(key.project, POST_MS).session(key.session);
      const run = await posting.run({ messages: [{ role: "user", content }] });
      return followRun(session, run, { after, json: values.json });
    });
  },
};

const POST_MS = 10_000;

async function messageOf(words: readonly string[]): Promise<string> {
  const isRead = words.length === 0 || (words.length === 1 && words[0] === "-");
  if (isRead && words.length === 0 && process.stdin.isTTY)
    throw new UsageError("Say something: runlog send <project>/<session> <text>, or - to read it");
  const content = isRead ? (await readText(process.stdin)).trimEnd() : words.join(" ");
  if (content === "") throw new UsageError("The message is empty");
  return content;
}

/** Where the session's log ends; null for one that has none, or is not there yet: the run makes it. */
async function endOf(session: RemoteSession): Promise<string | null> {
  try {
    return (await session.page({ limit: 1 })).end;
  } catch (error) {
    const { status }: { status?: unknown } = Object(error);
    if (status === 404) return null;
    throw error;
  }
}

interface FollowOptions {
  readonly after: string | null;
  readonly json: boolean;
}

/** Prints the run until it has ended. */
async function followRun(
  session: RemoteSession,
  { runId }: RunIds,
  { after, json }: FollowOptions,
): Promise<ExitCode> {
  let isCancelled = false;
  const onSignal = (): void => {
    if (isCancelled) process.exit(EXIT.interrupted);
    isCancelled = true;
    say("cancelling the run; again to leave it to itself");
    session.cancel(runId).catch((error: unknown) => {
      say(`The run was not cancelled: ${visible(String(Object(error).message))}`);
    });
  };
  process.on("SIGINT", onSignal);
  try {
    const answer = new Answer(json);
    let isOurs = false;
    for await (const { event } of session.events({ after })) {
      if (event.type === "RUN_STARTED") isOurs = event["runId"] === runId;
      // a run that ended before it began has only an end
      const isEnd = ENDS.has(event.type) && (isOurs || event["runId"] === runId);
      if (!isOurs && !isEnd) continue;
      await answer.add(event);
      if (isEnd) return isCancelled ? EXIT.interrupted : answer.end(event);
    }
    say("the session was deleted");
    return EXIT.failed;
  } finally {
    process.off("SIGINT", onSignal);
  }
}

const ENDS: ReadonlySet<string> = new Set(["RUN_FINISHED", "RUN_ERROR"]);

/** What is printed of a run. */
class Answer {
  readonly #json: boolean;
  #isWithinLine = false;
  #hasText = false;

  constructor(json: boolean) {
    this.#json = json;
  }

  async add(event: AgUiEvent): Promise<void> {
    if (this.#json) return write(`${JSON.stringify(event)}\n`);
    const { delta, toolCallName, type } = event;
    if (/^TEXT_MESSAGE_(CONTENT|CHUNK)$/.test(type) && typeof delta === "string" && delta !== "") {
      this.#isWithinLine = !delta.endsWith("\n");
      this.#hasText = true;
      return write(forOutput(delta));
    }
    if (type === "TEXT_MESSAGE_START" && this.#hasText) {
      await this.#endLine();
      return write("\n");
    }
    if (/^TOOL_CALL_(START|CHUNK)$/.test(type) && typeof toolCallName === "string") {
      await this.#endLine();
      say(`the agent calls ${visible(toolCallName)}`);
    }
    if (ENDS.has(type)) await this.#endLine();
  }

  /** What is to be said of the run's end, and its code. */
  end({ type, message, outcome }: AgUiEvent): ExitCode {
    if (type === "RUN_ERROR") {
      say(`The run failed: ${visible(String(message))}`);
      return EXIT.failed;
    }
    const { type: kind, interrupts }: { type?: unknown; interrupts?: unknown } = Object(outcome);
    if (kind === "interrupt") say(`The agent waits for an answer${questionsIn(interrupts)}`);
    return EXIT.done;
  }

  async #endLine(): Promise<void> {
    if (this.#isWithinLine) await write("\n");
    this.#isWithinLine = false;
  }
}

function questionsIn(interrupts: unknown): string {
  if (!Array.isArray(interrupts)) return "";
  const texts = interrupts.flatMap((each: unknown) => {
    const { message }: { message?: unknown } = Object(each);
    return typeof message === "string" && message !== "" ? [visible(message)] : [];
  });
  return texts.length === 0 ? "" : `: ${texts.join("; ")}`;
}
