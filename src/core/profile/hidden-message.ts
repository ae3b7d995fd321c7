import { type JsonMember, membersInParts } from "../../stream/json/json-walk.ts";
import type { Steps } from "../../stream/sync/steps.ts";
import { parseExact } from "../model/exact-json.ts";
import type { ParsedEvent } from "./repair/parsed-event.ts";

/** Members of an event that hides a message. */
const HIDING: ReadonlySet<string> = new Set(["type", "messageId", "hidden"]);

/** The message that an event asks clients to hide, or null. */
export function* hiddenMessageOf(type: string, line: ParsedEvent): Steps<string | null> {
  const event = type === "RAW" && line.kind("event") === "object" ? line.raw("event") : null;
  if (!event) return null;
  const said = new Map<string, JsonMember>();
  for (const member of membersInParts(event, 0)) {
    if (member && HIDING.has(member.key)) said.set(member.key, member);
    yield;
  }
  const valueOf = (key: string): unknown => {
    const member = said.get(key);
    return member && parseExact(event.subarray(member.valueStart, member.valueEnd));
  };
  if (valueOf("type") !== "message_metadata" || valueOf("hidden") !== true) return null;
  const id = valueOf("messageId");
  return typeof id === "string" ? id : null;
}
