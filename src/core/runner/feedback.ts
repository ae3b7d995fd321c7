import { RunlogError } from "../../ports/errors.ts";
import type { Logger } from "../../ports/logger.ts";
import type { SessionKey } from "../../ports/log-store.ts";
import { JsonObjectScanner } from "../../stream/json/json-scan.ts";
import { kindAt, members } from "../../stream/json/json-walk.ts";
import { factsOfLine } from "../model/server-events.ts";
import { askRunner, dropBody, readObject, type RunnerPorts } from "./runner-response.ts";
import { CALL_TIMEOUT_MS } from "./runner-calls.ts";
import type { Sessions } from "../session/session-registry.ts";
import { withLog } from "../session/with-log.ts";

export interface FeedbackPorts extends RunnerPorts {
  readonly sessions: Sessions;
  readonly logger: Logger;
}

const LF = 10;
const CR = 13;
const SPACE = 0x20;

/** The kinds of a META event's members, where they are given. */
const KINDS: ReadonlyMap<string, "string" | "object"> = new Map([
  ["metaType", "string"],
  ["payload", "object"],
  ["threadId", "string"],
]);

/**
 * Passes a META event on to the runner and, once the runner has accepted it, stores the event and
 * the runner's RAW answer. Resolves with whether they are stored. Throws `invalid-input`, and as
 * `interruptRun`; nothing is stored then.
 */
export async function sendFeedback(
  ports: FeedbackPorts,
  key: SessionKey,
  meta: Uint8Array<ArrayBuffer>,
): Promise<boolean> {
  checkMeta(meta);
  const reply = await askRunner(ports, key, {
    method: "POST",
    path: "feedback",
    body: meta,
    timeoutMs: CALL_TIMEOUT_MS,
  });
  if (reply.status !== 200) {
    dropBody(reply);
    throw new RunlogError("runner-refused", "Runner rejected feedback", { status: reply.status });
  }
  const answer = await readObject(reply, ports.clock);
  const lines = [lineOf(meta)];
  if (answer && typeOf(answer) === "RAW") lines.push(lineOf(answer));
  return store(ports, key, lines);
}

async function store(
  { sessions, logger }: FeedbackPorts,
  key: SessionKey,
  lines: readonly Uint8Array[],
): Promise<boolean> {
  try {
    const events = lines.map((line) => factsOfLine(line));
    await sessions.with(key, (session) =>
      withLog(session, (logId) => session.append({ lines, events }, { logId })),
    );
    return true;
  } catch (error) {
    logger.warn("feedback-not-stored", { ...key, error });
    return false;
  }
}

function checkMeta(meta: Uint8Array): void {
  const type = typeOf(meta);
  if (type === null) throw invalid("the body is not a JSON object");
  if (type !== "META") throw new RunlogError("invalid-input", "Expected META event type");
  for (const { key, valueStart } of members(meta, meta.indexOf(0x7b))) {
    const wanted = KINDS.get(key);
    const kind = kindAt(meta, valueStart);
    if (wanted !== undefined && kind !== wanted && kind !== "null")
      throw invalid(`${key} must be ${wanted === "object" ? "an" : "a"} ${wanted}`);
  }
}

/** The event's type, "" if it has none, or null if the bytes are no JSON object. */
function typeOf(event: Uint8Array): string | null {
  const scanner = new JsonObjectScanner(["type"]);
  if (!scanner.push(event, 0, event.length) || !scanner.end()) return null;
  return scanner.value("type") ?? "";
}

/** Line breaks stand only between the tokens of valid JSON, where a space means the same. */
function lineOf(json: Uint8Array): Uint8Array<ArrayBuffer> {
  const line = new Uint8Array(json.length + 1);
  line.set(json.map((byte) => (byte === LF || byte === CR ? SPACE : byte)));
  line[json.length] = LF;
  return line;
}

function invalid(reason: string): RunlogError {
  return new RunlogError("invalid-input", `invalid feedback event: ${reason}`);
}
