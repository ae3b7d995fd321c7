import { concatBytes } from "../../../stream/bytes/concat.ts";
import { eachInSteps, type Steps } from "../../../stream/sync/steps.ts";
import { isSameJson } from "../../model/exact-json.ts";
import { isObject, type JsonObject } from "../../model/json-fields.ts";
import { writeInSteps } from "../../model/json-in-steps.ts";
import type { Dialect } from "./dialect.ts";
import type { ParsedEvent, JsonText } from "./parsed-event.ts";
import { repairEvent } from "./repair-event.ts";
import { repairMessage, type Message } from "./repair-message.ts";
import { writeMessages } from "./write-messages.ts";

const encoder = new TextEncoder();

/** The ids of a run. */
export interface RunIds {
  readonly runId: string;
  readonly threadId: string;
}

/** The messages in the input of a RUN_STARTED, repaired. */
export function* inputMessages(line: ParsedEvent, dialect: Dialect): Steps<Message[]> {
  const input = yield* line.exactInSteps("input");
  const given = listOf(isObject(input) ? input["messages"] : undefined);
  const repaired: Message[] = [];
  yield* eachInSteps(given, (value) => {
    const message = repairMessage(value, dialect);
    if (message) repaired.push(message);
  });
  return repaired;
}

interface GivenInput {
  readonly messages: readonly Message[];
  /** What else the run was posted with, where that is known; the runner's own account counts first. */
  readonly posted: JsonObject | null;
  readonly dialect: Dialect;
}

/**
 * A RUN_STARTED with its ids, and a complete input that contains `messages`: unchanged if it is
 * that already, without an input if it has none, there are no messages and nothing was posted.
 */
export function* repairRunStarted(
  line: ParsedEvent,
  ids: RunIds,
  { messages, posted, dialect }: GivenInput,
): Steps<ParsedEvent> {
  const repaired = repairEvent(line, "RUN_STARTED", dialect) ?? line;
  const changes: Record<string, JsonText | null> = {};
  if (repaired.kind("runnerRunId") !== null) changes["runnerRunId"] = null;
  if (repaired.text("runId") !== ids.runId) changes["runId"] = JSON.stringify(ids.runId);
  if (repaired.text("threadId") !== ids.threadId)
    changes["threadId"] = JSON.stringify(ids.threadId);
  const given = yield* repaired.exactInSteps("input");
  if (isObject(given) || messages.length > 0 || posted) {
    const input = repairInput({ ...posted, ...withoutNull(given) }, ids);
    if (!(yield* isSameInput(input, messages, given)))
      changes["input"] = yield* writeInput(input, messages);
  } else if (given !== undefined) {
    changes["input"] = null;
  }
  return Object.keys(changes).length === 0 ? repaired : yield* repaired.withInSteps(changes);
}

/** The parts of an input before and after its messages. */
interface InputParts {
  readonly before: JsonObject;
  readonly after: JsonObject;
}

function repairInput(given: JsonObject, ids: RunIds): InputParts {
  const { parentRunId, state, forwardedProps } = given;
  const resume = listOf(given["resume"]).flatMap(repairAnswer);
  return {
    before: {
      ...ids,
      ...(typeof parentRunId === "string" && { parentRunId }),
      ...(state !== undefined && state !== null && { state }),
    },
    after: {
      tools: listOf(given["tools"]).flatMap(repairTool),
      context: listOf(given["context"]).filter(isContext),
      ...(forwardedProps !== undefined && forwardedProps !== null && { forwardedProps }),
      ...(resume.length > 0 && { resume }),
    },
  };
}

function* isSameInput(
  { before, after }: InputParts,
  messages: readonly Message[],
  given: unknown,
): Steps<boolean> {
  if (!isObject(given) || !Array.isArray(given["messages"])) return false;
  const list: readonly unknown[] = given["messages"];
  if (list.length !== messages.length) return false;
  if (!isSameJson({ ...before, ...after, messages: 0 }, { ...given, messages: 0 })) return false;
  for (const [index, message] of messages.entries()) {
    if (!isSameJson(message, list[index])) return false;
    yield;
  }
  return true;
}

function* writeInput(
  { before, after }: InputParts,
  messages: readonly Message[],
): Steps<Uint8Array<ArrayBuffer>[]> {
  // both have members: the text between them takes the place of one brace of each
  const start = concatBytes(yield* writeInSteps(before)).slice(0, -1);
  const list = yield* writeMessages(messages);
  const end = concatBytes(yield* writeInSteps(after)).slice(1);
  return [start, encoder.encode(',"messages":'), ...list, encoder.encode(","), end];
}

function repairTool(tool: unknown): JsonObject[] {
  if (!isObject(tool) || typeof tool["name"] !== "string") return [];
  const { name, description, parameters } = tool;
  const known = parameters === undefined || parameters === null ? {} : { parameters };
  return [{ name, description: typeof description === "string" ? description : "", ...known }];
}

/** An answer to an interrupt, where it is one. */
function repairAnswer(answer: unknown): JsonObject[] {
  if (!isObject(answer)) return [];
  const { interruptId, status, payload, metadata } = answer;
  if (typeof interruptId !== "string" || (status !== "resolved" && status !== "cancelled"))
    return [];
  const rest = {
    ...(payload !== undefined && { payload }),
    ...(isObject(metadata) && { metadata }),
  };
  return [{ interruptId, status, ...rest }];
}

function withoutNull(given: unknown): JsonObject {
  if (!isObject(given)) return {};
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== null));
}

function isContext(entry: unknown): boolean {
  return (
    isObject(entry) &&
    typeof entry["description"] === "string" &&
    typeof entry["value"] === "string"
  );
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
