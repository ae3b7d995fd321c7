import { isObject, type JsonObject } from "../model/json-fields.ts";
import { note } from "./markdown.ts";
import type { ParsedEvent } from "../profile/repair/parsed-event.ts";

export const UNSHOWN: string = note("An event cannot be shown", "");
/** The note for a change of a message that was released after it was written. */
export const RELEASED: string = note("A change of an earlier message is left out", "");

const CHANGES = /^(?:TEXT_MESSAGE_CONTENT|REASONING_MESSAGE_CONTENT|ACTIVITY_DELTA)$/;

/**
 * The message that an event changes, or would change if the client had it (then it is RAW); else
 * null.
 */
export function changedMessage(type: string, line: ParsedEvent): string | null {
  if (CHANGES.test(type)) return line.text("messageId");
  const event = type === "RAW" && line.text("source") === "runlog" ? line.json("event") : null;
  if (!isObject(event) || !CHANGES.test(String(event["type"]))) return null;
  const { messageId } = event;
  return typeof messageId === "string" ? messageId : null;
}

/** The note for a server's event that replaces another one; null for any other event. */
export function customNote(line: ParsedEvent): string | null {
  const value = line.json("value");
  if (!isObject(value)) return null;
  const { message, size, type } = value;
  switch (line.text("name")) {
    case "runlog:run-error":
      return errorNote(String(message));
    case "runlog:large-event":
    case "runlog:event-too-large": {
      const of = typeof type === "string" ? ` (${type})` : "";
      return note("An event is too large to be shown", `${String(size)} bytes${of}`);
    }
    case "runlog:left-out":
      return note("Left out", `${String(value["count"])} events or messages`);
    default:
      return null;
  }
}

/** The notes for a run's end that was no error. */
export function outcomeNotes(outcome: unknown): string[] {
  if (!isObject(outcome)) return [];
  if (outcome["type"] === "cancelled") return [note("The run was cancelled", "")];
  const { interrupts } = outcome;
  if (outcome["type"] !== "interrupt" || !Array.isArray(interrupts)) return [];
  return interrupts.filter(isObject).map(interruptNote);
}

function interruptNote({ message, reason }: JsonObject): string {
  const said = [message, reason].find((text) => typeof text === "string");
  return note("Waiting for an answer", said ?? "");
}

export function errorNote(message: string): string {
  return note("Error", message);
}
