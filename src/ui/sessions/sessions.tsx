import { useEffect, useState } from "preact/hooks";
import type { Connection } from "../api/connection.ts";
import { Empty, Failure, Loading } from "../components/notice.tsx";
import { useAnswer } from "../components/use-answer.ts";
import type { Go } from "../router/use-link.ts";
import { NewSession } from "./new-session.tsx";
import { SessionRow } from "./session-row.tsx";

const EVERY_MS = 3_000;
const PAGE = 20;
/** A search begins when nothing was typed for so long. */
const TYPING_MS = 250;

export interface SessionsProps {
  readonly connection: Connection;
  readonly project: string;
  readonly go: Go;
}

/** The sessions of a project, newest first, and a way to begin one. */
export function Sessions({ connection, project, go }: SessionsProps) {
  const [search, setSearch] = useState("");
  const [offset, setOffset] = useState(0);
  const asked = useSettled(search.trim(), TYPING_MS);
  useEffect(() => setOffset(0), [asked]);
  const list = useAnswer(
    () =>
      connection
        .sessions(project)
        .list({ limit: PAGE, offset, ...(asked !== "" && { search: asked }) }),
    [connection, project, asked, offset],
    { everyMs: EVERY_MS },
  );
  const total = list.value?.totalCount ?? 0;
  const items = list.value?.items ?? [];

  return (
    <>
      <h1>Sessions</h1>
      <NewSession {...{ connection, project, go }} />
      <search>
        <label class="row">
          <span class="unseen">Search by name or first message</span>
          <input
            class="grow"
            type="search"
            name="search"
            placeholder="Search by name or first message"
            value={search}
            onInput={({ currentTarget }) => setSearch(currentTarget.value)}
          />
        </label>
      </search>
      {list.error !== null && (
        <Failure what="The sessions could not be read" error={list.error} onRetry={list.ask} />
      )}
      {list.value === null && list.error === null && <Loading what="the sessions" />}
      {list.value !== null && total === 0 && (
        <Empty>
          {asked === ""
            ? "There is no session in this project yet. Say something above, and one begins."
            : `No session has “${asked}” in its name or first message.`}
        </Empty>
      )}
      {items.length > 0 && (
        <div class="scroll" role="region" aria-label="Table of sessions" tabIndex={0}>
          <table>
            <thead>
              <tr>
                <th scope="col">Session</th>
                <th scope="col">Status</th>
                <th scope="col">Agent</th>
                <th scope="col">Last activity</th>
                <th scope="col" class="number">
                  Tokens
                </th>
              </tr>
            </thead>
            <tbody>
              {items.map((document) => (
                <SessionRow
                  key={document.metadata.uid ?? document.metadata.name}
                  {...{ document, connection, project }}
                />
              ))}
            </tbody>
          </table>
        </div>
      )}
      {total > PAGE && (
        <nav class="row" aria-label="Pages of sessions">
          <button type="button" disabled={offset === 0} onClick={() => setOffset(offset - PAGE)}>
            Newer
          </button>
          <span class="small quiet">
            {offset + 1}–{offset + items.length} of {total}
          </span>
          <button
            type="button"
            disabled={!list.value?.hasMore}
            onClick={() => setOffset(offset + PAGE)}
          >
            Older
          </button>
        </nav>
      )}
    </>
  );
}

/** The value once it has not changed for `ms`. */
function useSettled<T>(value: T, ms: number): T {
  const [settled, setSettled] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), ms);
    return () => clearTimeout(timer);
  }, [value, ms]);
  return settled;
}
