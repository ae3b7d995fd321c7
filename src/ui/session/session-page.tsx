import { useMemo } from "preact/hooks";
import type { Connection } from "../api/connection.ts";
import { hashOf, type Link, START } from "../router/link.ts";
import type { Go } from "../router/use-link.ts";
import { SessionHead } from "./session-head.tsx";
import { TravelBar } from "../travel/travel-bar.tsx";
import { VIEWS } from "./views.ts";

export interface SessionPageProps {
  readonly connection: Connection;
  readonly project: string;
  readonly name: string;
  readonly link: Link;
  readonly go: Go;
}

/** One session: its head, the tabs of its views, and the view that the link names. */
export function SessionPage({ connection, project, name, link, go }: SessionPageProps) {
  const session = useMemo(
    () => connection.sessions(project).session(name),
    [connection, project, name],
  );
  const linkTo = (change: Partial<Link>): string => hashOf({ ...link, ...change });
  const view = VIEWS.find((one) => one.name === link.view);
  return (
    <>
      <SessionHead session={session} onDeleted={() => go({ ...START, project })} />
      <nav class="tabs" aria-label="Views of the session">
        {VIEWS.map(({ name: other, title }) => (
          <a
            key={other}
            href={linkTo({ view: other })}
            aria-current={other === link.view ? "page" : undefined}
          >
            {title}
          </a>
        ))}
      </nav>
      <TravelBar key={`${project}/${name}`} {...{ session, at: link.at, go }} />
      {view && (
        <section aria-label={view.title}>
          <view.Component
            key={`${project}/${name}/${view.name}`}
            {...{ session, project, go, linkTo, at: link.at, run: link.run, other: link.other }}
          />
        </section>
      )}
    </>
  );
}
