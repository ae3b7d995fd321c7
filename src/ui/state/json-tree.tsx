import { useState } from "preact/hooks";
import { shortJson, shortText } from "../json/short-json.ts";

export interface JsonTreeProps {
  /** The name or the index under which the value is; null for the root. */
  readonly name: string | null;
  readonly value: unknown;
  readonly isOpen?: boolean;
}

const MEMBERS_AT_ONCE = 100;
const TEXT_CHARS = 2_000;
const PREVIEW_CHARS = 80;

/** A JSON value, folded: what is not open is not drawn, and of large ones the first hundred members are. */
export function JsonTree({ name, value, isOpen: isFirstOpen = false }: JsonTreeProps) {
  const [isOpen, setOpen] = useState(isFirstOpen);
  const [shown, setShown] = useState(MEMBERS_AT_ONCE);
  const label = name === null ? null : <bdi class="json-name">{shortText(name, TEXT_CHARS)}: </bdi>;
  if (typeof value !== "object" || value === null)
    return (
      <div class="json-leaf">
        {label}
        <JsonLeaf value={value} />
      </div>
    );
  const names = Object.keys(value);
  const members: Readonly<Record<string, unknown>> = { ...value };
  const kind = Array.isArray(value) ? `[${names.length}]` : `{${names.length}}`;
  return (
    <details
      class="json-node"
      open={isOpen}
      onToggle={({ currentTarget }) => setOpen(currentTarget.open)}
    >
      <summary>
        {label}
        <span class="json-kind">{kind}</span>
        {!isOpen && <bdi class="quiet"> {shortJson(value, PREVIEW_CHARS)}</bdi>}
      </summary>
      {isOpen && (
        <div class="json-members">
          {names.slice(0, shown).map((each) => (
            <JsonTree key={each} name={each} value={members[each]} />
          ))}
          {names.length > shown && (
            <button type="button" onClick={() => setShown(shown + 10 * MEMBERS_AT_ONCE)}>
              Show more of {names.length.toLocaleString()}
            </button>
          )}
        </div>
      )}
    </details>
  );
}

function JsonLeaf({ value }: { readonly value: unknown }) {
  const [isWhole, setWhole] = useState(false);
  if (typeof value !== "string") return <span class="json-value">{String(value)}</span>;
  const isLong = !isWhole && value.length > TEXT_CHARS;
  return (
    <>
      <bdi class="json-text">{JSON.stringify(isLong ? shortText(value, TEXT_CHARS) : value)}</bdi>
      {isLong && (
        <button type="button" onClick={() => setWhole(true)}>
          All {value.length.toLocaleString()} characters
        </button>
      )}
    </>
  );
}
