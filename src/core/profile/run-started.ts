import { isSameJson } from "../exact-json.ts";
import { isObject, type JsonObject } from "../json-fields.ts";
import type { Dialect } from "./dialect.ts";
import type { EventLine } from "./event-line.ts";
import { mendEvent } from "./mend-event.ts";
import { mendMessage, type Message } from "./mend-message.ts";

/** The ids of a run. */
export interface RunIds {
  readonly runId: string;
  readonly threadId: string;
}

/** The messages in the input of a RUN_STARTED, mended. */
export function inputMessages(line: EventLine, dialect: Dialect): Message[] {
  const input = line.exact("input");
  const messages = isObject(input) ? input["messages"] : undefined;
  return Array.isArray(messages) ? mendMessages(messages, dialect) : [];
}

/** Those of the messages that can be mended. */
export function mendMessages(messages: readonly unknown[], dialect: Dialect): Message[] {
  return messages.flatMap((message) => mendMessage(message, dialect) ?? []);
}

/**
 * A RUN_STARTED with its ids, and an input that holds `messages` and is whole: as it stands if it is
 * that already, without one if it has none and there are no messages.
 */
export function mendRunStarted(
  line: EventLine,
  ids: RunIds,
  messages: readonly Message[],
  dialect: Dialect,
): EventLine {
  const mended = mendEvent(line, "RUN_STARTED", dialect) ?? line;
  const changes: Record<string, string | null> = {};
  if (mended.kind("runnerRunId") !== null) changes["runnerRunId"] = null;
  if (mended.text("runId") !== ids.runId) changes["runId"] = JSON.stringify(ids.runId);
  if (mended.text("threadId") !== ids.threadId) changes["threadId"] = JSON.stringify(ids.threadId);
  const given = mended.exact("input");
  if (isObject(given) || messages.length > 0) {
    const input = mendInput(isObject(given) ? given : {}, ids, messages);
    if (!isSameJson(input, given)) changes["input"] = JSON.stringify(input);
  } else if (given !== undefined) {
    changes["input"] = null;
  }
  return Object.keys(changes).length === 0 ? mended : mended.with(changes);
}

function mendInput(given: JsonObject, ids: RunIds, messages: readonly Message[]): JsonObject {
  const { parentRunId, state, forwardedProps } = given;
  return {
    ...ids,
    ...(typeof parentRunId === "string" && { parentRunId }),
    ...(state !== undefined && state !== null && { state }),
    messages,
    tools: listOf(given["tools"]).flatMap(mendTool),
    context: listOf(given["context"]).filter(isContext),
    ...(forwardedProps !== undefined && forwardedProps !== null && { forwardedProps }),
  };
}

function mendTool(tool: unknown): JsonObject[] {
  if (!isObject(tool) || typeof tool["name"] !== "string") return [];
  const { name, description, parameters } = tool;
  const known = parameters === undefined || parameters === null ? {} : { parameters };
  return [{ name, description: typeof description === "string" ? description : "", ...known }];
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
