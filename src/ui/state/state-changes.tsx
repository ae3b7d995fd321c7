import { useMemo } from "preact/hooks";
import { shortJson } from "../json/short-json.ts";
import { diffJson, type JsonChange } from "./diff-json.ts";

const MAX_CHANGES = 500;
const VALUE_CHARS = 400;

/** What changed from one state to another, place by place. */
export function StateChanges({
  before,
  after,
}: {
  readonly before: unknown;
  readonly after: unknown;
}) {
  const { changes, isCut } = useMemo(() => diffJson(before, after, MAX_CHANGES), [before, after]);
  if (changes.length === 0) return <p class="quiet">Nothing changed between the two positions.</p>;
  return (
    <>
      <p role="status">
        {isCut ? `The first ${changes.length} changes` : `${changes.length} changes`}
      </p>
      <div class="scroll" role="region" aria-label="Changes of the state" tabIndex={0}>
        <table>
          <thead>
            <tr>
              <th scope="col">Place</th>
              <th scope="col">Before</th>
              <th scope="col">After</th>
            </tr>
          </thead>
          <tbody>
            {changes.map((change) => (
              <tr key={JSON.stringify(change.path)} class={`change ${change.kind}`}>
                <th scope="row">
                  <bdi>{pathText(change)}</bdi>
                </th>
                <td>
                  <bdi class="change-before">{valueText(change.before)}</bdi>
                </td>
                <td>
                  <bdi class="change-after">{valueText(change.after)}</bdi>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </>
  );
}

function pathText({ path }: JsonChange): string {
  if (path.length === 0) return "the whole state";
  return path
    .map((step) => (typeof step === "number" ? `[${step}]` : `.${step}`))
    .join("")
    .replace(/^\./, "");
}

function valueText(value: unknown): string {
  return value === undefined ? "–" : shortJson(value, VALUE_CHARS);
}
