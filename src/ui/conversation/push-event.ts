import type { AgUiEvent } from "../../client/index.ts";
import { isObject, textOf } from "./items.ts";
import type { Transcript } from "./transcript.ts";

/** Takes the next event of a log into its conversation. What is no event of a conversation changes nothing. */
export function pushEvent(transcript: Transcript, event: AgUiEvent): void {
  HANDLERS.get(event.type)?.(transcript, event);
  transcript.questions.push(event);
  transcript.trim();
}

type Handler = (transcript: Transcript, event: AgUiEvent) => void;

const text =
  (change: "start" | "delta" | "end"): Handler =>
  (transcript, event) =>
    transcript.text(event, change);
const reasoning =
  (change: "start" | "delta" | "end"): Handler =>
  (transcript, event) =>
    transcript.reasoning(event, change);
const call =
  (change: "start" | "delta" | "end"): Handler =>
  (transcript, event) =>
    transcript.call(event, change);

/** By the event's type; a map, since a type may be the name of anything. */
const HANDLERS: ReadonlyMap<string, Handler> = new Map<string, Handler>([
  ["TEXT_MESSAGE_START", text("start")],
  ["TEXT_MESSAGE_CONTENT", text("delta")],
  ["TEXT_MESSAGE_CHUNK", text("delta")],
  ["TEXT_MESSAGE_END", text("end")],
  ["REASONING_MESSAGE_START", reasoning("start")],
  ["REASONING_MESSAGE_CONTENT", reasoning("delta")],
  ["REASONING_MESSAGE_CHUNK", reasoning("delta")],
  ["REASONING_MESSAGE_END", reasoning("end")],
  ["THINKING_TEXT_MESSAGE_START", reasoning("start")],
  ["THINKING_TEXT_MESSAGE_CONTENT", reasoning("delta")],
  ["THINKING_TEXT_MESSAGE_END", reasoning("end")],
  ["TOOL_CALL_START", call("start")],
  ["TOOL_CALL_ARGS", call("delta")],
  ["TOOL_CALL_CHUNK", call("delta")],
  ["TOOL_CALL_END", call("end")],
  ["TOOL_CALL_RESULT", (transcript, event) => transcript.result(event)],
  [
    "MESSAGES_SNAPSHOT",
    (transcript, { messages }) => Array.isArray(messages) && transcript.snapshot(messages),
  ],
  ["ACTIVITY_SNAPSHOT", (transcript, event) => transcript.activity(event, event["content"])],
  ["ACTIVITY_DELTA", (transcript, event) => transcript.activityIsOld(event)],
  ["RUN_STARTED", (transcript, event) => transcript.begin(event)],
  ["RUN_FINISHED", (transcript, event) => transcript.end(event)],
  ["RUN_ERROR", (transcript, event) => transcript.end(event)],
  [
    "RAW",
    (transcript, { event }) => {
      if (isObject(event) && event["type"] === "message_metadata" && event["hidden"] === true)
        transcript.hide(textOf(event["messageId"]));
    },
  ],
  [
    "CUSTOM",
    (transcript, { name, value }) => {
      if (name !== "runlog:large-event" && name !== "runlog:event-too-large") return;
      const size = isObject(value) ? Number(value["size"]) : Number.NaN;
      transcript.note(
        `An event of ${size.toLocaleString("en")} bytes is too large to be shown here.`,
      );
    },
  ],
]);
