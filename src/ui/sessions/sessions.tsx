import type { Connection } from "../api/connection.ts";
import { Empty, Failure, Loading } from "../components/notice.tsx";
import { useAnswer } from "../components/use-answer.ts";
import { hashOf, START } from "../router/link.ts";
import type { Go } from "../router/use-link.ts";

const EVERY_MS = 3_000;

/** The sessions of a project, newest first. */
export function Sessions({
  connection,
  project,
}: {
  readonly connection: Connection;
  readonly project: string;
  readonly go: Go;
}) {
  const list = useAnswer(() => connection.sessions(project).list(), [connection, project], {
    everyMs: EVERY_MS,
  });
  return (
    <>
      <h1>Sessions</h1>
      {list.error !== null && (
        <Failure what="The sessions could not be read" error={list.error} onRetry={list.ask} />
      )}
      {list.value === null && list.error === null && <Loading what="the sessions" />}
      {list.value?.totalCount === 0 && <Empty>There is no session in this project yet.</Empty>}
      <ul>
        {list.value?.items.map(({ metadata: { name } }) => (
          <li key={name}>
            <a href={hashOf({ ...START, project, session: name })}>{name}</a>
          </li>
        ))}
      </ul>
    </>
  );
}
