import { useMemo } from "preact/hooks";
import type { RunFacts } from "../../client/index.ts";
import { Empty, Failure, Loading } from "../components/notice.tsx";
import { useAnswer } from "../components/use-answer.ts";
import { bytes, duration, tokensOf } from "../format/format.ts";
import { shortText } from "../json/short-json.ts";
import { findRun } from "../runs/find-run.ts";
import type { ViewProps } from "../session/view.ts";
import { align, type AlignedPair } from "./align.ts";
import { readRun, type ReadRun } from "./read-run.ts";
import type { RunItem } from "./run-items.ts";
import "./compare.css";

const RUNS = 200;
const LABEL_CHARS = 40;
const SHOWN_CHARS = 1_000;

/** Two runs side by side: what they took, and what happened in each. The link names both. */
export function Compare({ session, run, other, go }: ViewProps) {
  const list = useAnswer((signal) => session.runs({ limit: RUNS, signal }), [session]);
  const begun = (list.value?.runs ?? []).filter(({ startCursor }) => startCursor !== null);
  const left = run ?? begun[1]?.runId ?? null;
  const right = other ?? begun.find(({ runId }) => runId !== left)?.runId ?? null;
  const answer = useAnswer(
    async (signal) => {
      if (left === null || right === null) return null;
      const read = async (runId: string): Promise<ReadRun | null> => {
        const facts = await findRun(session, runId, signal);
        return facts && readRun(session, facts, signal);
      };
      return { left: await read(left), right: await read(right) };
    },
    [session, left, right],
  );
  if (list.error !== null)
    return <Failure what="The runs could not be read" error={list.error} onRetry={list.ask} />;
  if (list.value === null) return <Loading what="the runs" />;
  if (begun.length === 0) return <Empty>There is no run yet to compare.</Empty>;
  return (
    <div class="compare">
      <div class="row">
        <RunChoice
          label="Left run"
          runs={begun}
          value={left}
          onChoose={(runId) => go({ run: runId })}
        />
        <RunChoice
          label="Right run"
          runs={begun}
          value={right}
          onChoose={(runId) => go({ other: runId })}
        />
      </div>
      {answer.error !== null && (
        <Failure what="The runs could not be read" error={answer.error} onRetry={answer.ask} />
      )}
      {right === null && <Empty>There is no second run yet.</Empty>}
      {answer.value === null && answer.isAsking && <Loading what="both runs" />}
      {answer.value &&
        (answer.value.left && answer.value.right ? (
          <SideBySide left={answer.value.left} right={answer.value.right} />
        ) : (
          <Empty>The session has no run of this name. It may have been cut off.</Empty>
        ))}
    </div>
  );
}

function RunChoice({
  label,
  runs,
  value,
  onChoose,
}: {
  readonly label: string;
  readonly runs: readonly RunFacts[];
  readonly value: string | null;
  readonly onChoose: (runId: string) => void;
}) {
  const isListed = runs.some(({ runId }) => runId === value);
  return (
    <label class="grow">
      <span class="small quiet">{label} </span>
      <select value={value ?? ""} onChange={({ currentTarget }) => onChoose(currentTarget.value)}>
        {!isListed && value !== null && (
          <option value={value}>{shortText(value, LABEL_CHARS)}</option>
        )}
        {runs.map(({ runId, status }) => (
          <option key={runId} value={runId}>
            {shortText(runId, LABEL_CHARS)} ({status})
          </option>
        ))}
      </select>
    </label>
  );
}

function SideBySide({ left, right }: { readonly left: ReadRun; readonly right: ReadRun }) {
  const pairs = useMemo(
    () => align(left.items, right.items, ({ kind, label }) => `${kind} ${label}`),
    [left, right],
  );
  return (
    <div class="scroll" role="region" aria-label="Two runs side by side" tabIndex={0}>
      <table class="compare-table">
        <thead>
          <tr>
            <th scope="col">What</th>
            <th scope="col">
              <bdi>{left.facts.runId}</bdi>
            </th>
            <th scope="col">
              <bdi>{right.facts.runId}</bdi>
            </th>
          </tr>
        </thead>
        <tbody>
          {FACTS.map(({ name, of }) => (
            <tr key={name} class={of(left.facts) === of(right.facts) ? "" : "differs"}>
              <th scope="row">{name}</th>
              <td>{of(left.facts)}</td>
              <td>{of(right.facts)}</td>
            </tr>
          ))}
          {pairs.map((pair, index) => (
            <ItemRow key={index} pair={pair} />
          ))}
        </tbody>
      </table>
      {(left.isCut || right.isCut) && (
        <p class="small">Only the beginning of the runs is compared: they have more.</p>
      )}
    </div>
  );
}

function ItemRow({ pair: { left, right } }: { readonly pair: AlignedPair<RunItem> }) {
  const item = left ?? right;
  const isSame = left?.text === right?.text && left?.result === right?.result;
  return (
    <tr class={isSame ? "" : "differs"}>
      <th scope="row">
        {item?.kind} <bdi>{item?.label}</bdi>
        {!isSame && <span class="unseen"> differs</span>}
      </th>
      <ItemCell item={left} />
      <ItemCell item={right} />
    </tr>
  );
}

function ItemCell({ item }: { readonly item: RunItem | null }) {
  if (!item) return <td class="quiet">–</td>;
  return (
    <td>
      <bdi class="compare-text">{shortText(item.text, SHOWN_CHARS)}</bdi>
      {item.result !== null && (
        <bdi class="compare-text quiet">→ {shortText(item.result, SHOWN_CHARS)}</bdi>
      )}
    </td>
  );
}

const FACTS: readonly { name: string; of: (run: RunFacts) => string }[] = [
  { name: "Status", of: ({ status }) => status },
  { name: "Error", of: ({ error }) => error?.message ?? "–" },
  {
    name: "Took",
    of: ({ startedAt, endedAt }) =>
      startedAt !== null && endedAt !== null
        ? duration(Date.parse(endedAt) - Date.parse(startedAt))
        : "–",
  },
  { name: "Tokens", of: ({ usage }) => tokensOf(usage)?.toLocaleString() ?? "–" },
  { name: "Tool calls", of: ({ toolCalls }) => toolCalls.toLocaleString() },
  { name: "Events", of: ({ events }) => events.toLocaleString() },
  { name: "Size", of: (run) => bytes(run.bytes) },
];
