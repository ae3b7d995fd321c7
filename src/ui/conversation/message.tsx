import { useState } from "preact/hooks";
import { bytes, duration } from "../format/format.ts";
import { LongText, Markdown, WebLink } from "../markdown/markdown.tsx";
import type { Call, Item, MessageItem, Part, RunEndItem } from "./items.ts";

/** So many calls of one message are shown at first. */
const FIRST_CALLS = 50;

/** One item of a conversation. */
export function ConversationItem({ item }: { readonly item: Item }) {
  switch (item.kind) {
    case "message":
      return item.isHidden ? null : <Message message={item} />;
    case "reasoning":
      return (
        <li class="item reasoning">
          <details open={item.isOpen}>
            <summary>{item.isOpen ? "Thinking…" : "Thoughts"}</summary>
            <Markdown text={item.text} />
          </details>
        </li>
      );
    case "activity":
      return (
        <li class="item activity">
          <details>
            <summary>Activity: {item.type || "unnamed"}</summary>
            <LongText text={JSON.stringify(item.content, null, 2) ?? ""} />
          </details>
        </li>
      );
    case "note":
      return <li class="item small quiet">{item.text}</li>;
  }
  return <RunEnd item={item} />;
}

function RunEnd({ item }: { readonly item: RunEndItem }) {
  return (
    <li class={`item run-end small ${item.status === "error" ? "failed" : "quiet"}`}>
      {item.error ? (
        <p class="notice bad" dir="auto">
          <strong>The run failed.</strong> {item.error.message}
          {item.error.code && <code> {item.error.code}</code>}
        </p>
      ) : (
        <span>
          {ENDS[item.status]}
          {item.ms !== null && ` · ${duration(item.ms)}`}
        </span>
      )}
    </li>
  );
}

const ENDS = {
  finished: "Run finished",
  interrupted: "Run waits for an answer",
  cancelled: "Run cancelled",
  error: "Run failed",
};

const NAMES: ReadonlyMap<string, string> = new Map([
  ["user", "You"],
  ["assistant", "Agent"],
  ["system", "System"],
  ["developer", "Developer"],
]);

function Message({ message }: { readonly message: MessageItem }) {
  const { role, text, parts, calls, isOpen } = message;
  const [isWhole, setWhole] = useState(false);
  const isEmpty = text === "" && parts.length === 0 && calls.length === 0;
  if (isEmpty && !isOpen) return null;
  const shown = isWhole ? calls : calls.slice(0, FIRST_CALLS);
  return (
    <li class={`item message ${role === "user" ? "user" : "other"}`} aria-busy={isOpen}>
      <p class="small quiet">{NAMES.get(role) ?? role}</p>
      {text !== "" && <Markdown text={text} />}
      {isOpen && <span class="streaming" aria-hidden="true" />}
      {parts.map((part, at) => (
        <PartView key={at} part={part} />
      ))}
      {shown.map((call) => (
        <CallView key={call.id} call={call} />
      ))}
      {calls.length > shown.length && (
        <button type="button" class="small" onClick={() => setWhole(true)}>
          Show {calls.length - shown.length} more tool calls
        </button>
      )}
    </li>
  );
}

function PartView({ part }: { readonly part: Part }) {
  if (part.kind === "image")
    return <img class="image" src={part.source} alt="Part of the message" />;
  if (part.kind === "data")
    return (
      <p class="small quiet">
        {part.what}, {bytes(part.bytes)}
      </p>
    );
  return (
    <p class="small">
      {part.what}: <WebLink href={part.url}>{part.url}</WebLink>
    </p>
  );
}

function CallView({ call }: { readonly call: Call }) {
  const [isUnfolded, setUnfolded] = useState(false);
  const { name, args, result, isError, isOpen } = call;
  const state = isError
    ? "failed"
    : result !== null
      ? "done"
      : isOpen
        ? "called…"
        : "no result yet";
  return (
    <details
      class={`call ${isError ? "failed" : ""}`}
      open={isUnfolded}
      onToggle={({ currentTarget }) => setUnfolded(currentTarget.open)}
    >
      <summary>
        <code>{name || "tool"}</code> <span class="quiet args">{args.slice(0, 120)}</span>{" "}
        <span class="small quiet">{state}</span>
      </summary>
      {isUnfolded && (
        <>
          <p class="small quiet">Arguments</p>
          <LongText text={indented(args)} />
          {result !== null && (
            <>
              <p class="small quiet">Result</p>
              <LongText text={indented(result)} />
            </>
          )}
        </>
      )}
    </details>
  );
}

/** JSON over several lines, if it is JSON, and anything else as it is. */
function indented(text: string): string {
  if (text.length > 1_000_000 || !/^\s*[[{]/.test(text)) return text;
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}
