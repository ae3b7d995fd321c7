import { useEffect } from "preact/hooks";
import type { SessionDocument } from "../../client/index.ts";
import type { Connection } from "../api/connection.ts";
import { StatusBadge } from "../components/status-badge.tsx";
import { Time } from "../components/time.tsx";
import { useAnswer } from "../components/use-answer.ts";
import { count, tokensOf } from "../format/format.ts";
import { hashOf, START } from "../router/link.ts";

const MAX_PROMPT = 120;

/** One session of a list. What lists do not say of it is asked for when it comes into the page and when its status changes. */
export function SessionRow({
  document,
  connection,
  project,
}: {
  readonly document: SessionDocument;
  readonly connection: Connection;
  readonly project: string;
}) {
  const { metadata, spec, status } = document;
  const { name } = metadata;
  const { usage, time } = useMore(connection, project, name, status?.agentStatus ?? null);
  const made = Date.parse(metadata.creationTimestamp ?? "");
  const tokens = tokensOf(usage);
  return (
    <tr>
      <td>
        <a class="name" dir="auto" href={hashOf({ ...START, project, session: name })}>
          {spec.displayName || name}
        </a>
        {spec.displayName && <p class="small quiet">{name}</p>}
        {spec.initialPrompt && (
          <p class="small quiet" dir="auto">
            {spec.initialPrompt.slice(0, MAX_PROMPT)}
          </p>
        )}
      </td>
      <td>
        <StatusBadge status={status?.agentStatus ?? status?.phase ?? "new"} />
      </td>
      <td>{typeof spec["agent"] === "string" ? spec["agent"] : "–"}</td>
      <td>
        <Time at={time ?? made} />
      </td>
      <td class="number">{tokens === null ? "–" : count(tokens)}</td>
    </tr>
  );
}

function useMore(
  connection: Connection,
  project: string,
  name: string,
  agentStatus: string | null,
): { readonly usage: unknown; readonly time: number | null } {
  const more = useAnswer(
    async (signal) => {
      const session = connection.sessions(project).session(name);
      const [document, { runs }] = await Promise.all([
        session.get({ signal }),
        session.runs({ limit: 1, signal }),
      ]);
      const times = runs.flatMap(({ startedAt, endedAt }) => [startedAt, endedAt]);
      const known = times.filter((time) => time !== null).map((time) => Date.parse(time));
      return {
        usage: document.status?.["usage"],
        time: known.length === 0 ? null : Math.max(...known),
      };
    },
    [connection, project, name],
  );
  useEffect(() => {
    if (more.value !== null) more.ask();
  }, [agentStatus]);
  return more.value ?? { usage: null, time: null };
}
