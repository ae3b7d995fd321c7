import { useEffect, useState } from "preact/hooks";
import type { Connection, Reach } from "./api/connection.ts";
import { TokenForm } from "./access/token-form.tsx";
import { useLink } from "./router/use-link.ts";
import { SessionPage } from "./session/session-page.tsx";
import { Sessions } from "./sessions/sessions.tsx";
import { ThemeSwitch } from "./theme/theme-switch.tsx";

export interface AppProps {
  readonly connection: Connection;
  /** The project that is shown where the address names none. */
  readonly defaultProject: string;
}

/** The whole page: a bar, the list of sessions or one of them, and what is to be said of the connection. */
export function App({ connection, defaultProject }: AppProps) {
  const [link, go] = useLink();
  const reach = useReach(connection);
  const project = link.project ?? defaultProject;
  const name = link.session;
  useEffect(() => {
    document.title = name === null ? `${project} · runlog` : `${name} · ${project} · runlog`;
  }, [project, name]);
  return (
    <>
      <a class="skip" href="#main" onClick={focusMain}>
        Skip to the content
      </a>
      <header class="bar">
        <a class="home" href={`#/${encodeURIComponent(project)}`}>
          runlog
        </a>
        <ProjectField
          project={project}
          onChange={(other) => go({ project: other, session: null })}
        />
        <span class="grow" />
        <ThemeSwitch />
      </header>
      <main class="main" id="main" tabIndex={-1}>
        {reach === "token-needed" ? (
          <TokenForm
            isWrong={connection.hasToken}
            onToken={(token) => connection.useToken(token)}
          />
        ) : name === null ? (
          <Sessions key={project} {...{ connection, project, go }} />
        ) : (
          <SessionPage {...{ connection, project, name, link: { ...link, project }, go }} />
        )}
      </main>
      {reach === "away" && (
        <p class="away" role="status">
          The server does not answer. What is shown may be old; it goes on by itself.
        </p>
      )}
    </>
  );
}

function useReach(connection: Connection): Reach {
  const [reach, setReach] = useState(connection.reach);
  useEffect(() => connection.subscribe(() => setReach(connection.reach)), [connection]);
  return reach;
}

/** The address has another meaning for the part after its `#`. */
function focusMain(event: MouseEvent): void {
  event.preventDefault();
  document.querySelector<HTMLElement>("#main")?.focus();
}

function ProjectField({
  project,
  onChange,
}: {
  readonly project: string;
  readonly onChange: (project: string) => void;
}) {
  return (
    <label class="small">
      <span class="quiet">Project </span>
      <input
        key={project}
        name="project"
        size={14}
        maxLength={63}
        pattern="[a-z0-9]([a-z0-9\-]*[a-z0-9])?"
        title="A label of a-z, 0-9 and -"
        spellcheck={false}
        defaultValue={project}
        onChange={({ currentTarget }) => {
          const other = currentTarget.value.trim();
          if (other !== "" && currentTarget.checkValidity()) onChange(other);
        }}
      />
    </label>
  );
}
