import { useState } from "preact/hooks";
import { type EventFilter, isFiltering } from "./event-filter.ts";

/** The event types of AG-UI, as one looks for them. */
const TYPES: readonly string[] = [
  "RUN_STARTED",
  "RUN_FINISHED",
  "RUN_ERROR",
  "STEP_STARTED",
  "STEP_FINISHED",
  "TEXT_MESSAGE_START",
  "TEXT_MESSAGE_CONTENT",
  "TEXT_MESSAGE_END",
  "TEXT_MESSAGE_CHUNK",
  "REASONING_START",
  "REASONING_MESSAGE_START",
  "REASONING_MESSAGE_CONTENT",
  "REASONING_MESSAGE_END",
  "REASONING_END",
  "TOOL_CALL_START",
  "TOOL_CALL_ARGS",
  "TOOL_CALL_END",
  "TOOL_CALL_CHUNK",
  "TOOL_CALL_RESULT",
  "STATE_SNAPSHOT",
  "STATE_DELTA",
  "MESSAGES_SNAPSHOT",
  "ACTIVITY_SNAPSHOT",
  "ACTIVITY_DELTA",
  "SUBAGENT_STARTED",
  "SUBAGENT_FINISHED",
  "SUBAGENT_ERROR",
  "RAW",
  "CUSTOM",
  "META",
];

/** Asks for types and a text; an empty form shows all events again. */
export function FilterForm({
  onFilter,
}: {
  readonly onFilter: (filter: EventFilter | null) => void;
}) {
  const [types, setTypes] = useState<readonly string[]>([]);
  const [text, setText] = useState("");
  const submit = (filter: EventFilter): void => onFilter(isFiltering(filter) ? filter : null);
  const toggle = (type: string): void => {
    const next = types.includes(type) ? types.filter((one) => one !== type) : [...types, type];
    setTypes(next);
    submit({ types: next, text });
  };
  return (
    <form
      class="row"
      role="search"
      onSubmit={(event) => {
        event.preventDefault();
        submit({ types, text });
      }}
    >
      <details class="type-filter">
        <summary>{types.length === 0 ? "All types" : `${types.length} types`}</summary>
        <fieldset>
          <legend class="unseen">Types of events</legend>
          {TYPES.map((type) => (
            <label key={type} class="small">
              <input type="checkbox" checked={types.includes(type)} onChange={() => toggle(type)} />{" "}
              {type}
            </label>
          ))}
        </fieldset>
      </details>
      <input
        type="search"
        aria-label="Text in events"
        placeholder="Text in events"
        value={text}
        onInput={({ currentTarget }) => setText(currentTarget.value)}
      />
      <button type="submit">Search</button>
    </form>
  );
}
