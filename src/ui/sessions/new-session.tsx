import { useState } from "preact/hooks";
import type { Connection } from "../api/connection.ts";
import { Failure } from "../components/notice.tsx";
import { useAnswer } from "../components/use-answer.ts";
import { say } from "../conversation/say.ts";
import { START } from "../router/link.ts";
import type { Go } from "../router/use-link.ts";

/** Makes a session and says the first thing to its agent. */
export function NewSession({
  connection,
  project,
  go,
}: {
  readonly connection: Connection;
  readonly project: string;
  readonly go: Go;
}) {
  const [name, setName] = useState("");
  const [text, setText] = useState("");
  const [agent, setAgent] = useState("");
  const [isMaking, setMaking] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const agents = useAnswer(() => connection.agents(project), [connection, project]).value ?? [];

  const make = async (): Promise<void> => {
    setMaking(true);
    setError(null);
    const said = text.trim();
    const sessions = connection.sessions(project);
    try {
      const made = await sessions.create({
        ...(name.trim() !== "" && { name: name.trim() }),
        ...(agent !== "" && { agent }),
        ...(said !== "" && { initialPrompt: said }),
      });
      if (said !== "") await say(sessions.session(made.name), { text: said });
      go({ ...START, project, session: made.name });
    } catch (failure) {
      setError(failure);
      setMaking(false);
    }
  };

  return (
    <form
      class="notice"
      aria-label="New session"
      onSubmit={(event) => {
        event.preventDefault();
        void make();
      }}
    >
      {error !== null && <Failure what="The session was not made" error={error} />}
      <div class="row">
        <label class="grow">
          <span class="small quiet">Say something to the agent in a new session</span>
          <input
            class="wide"
            name="message"
            dir="auto"
            placeholder="Find out why the checkout test is flaky"
            value={text}
            onInput={({ currentTarget }) => setText(currentTarget.value)}
          />
        </label>
        <label>
          <span class="small quiet">Name (optional)</span>
          <input
            class="wide"
            name="name"
            size={16}
            maxLength={128}
            pattern="[A-Za-z0-9._:~@\-]+"
            title="1 to 128 of A-Z, a-z, 0-9 and . _ : ~ @ -"
            spellcheck={false}
            value={name}
            onInput={({ currentTarget }) => setName(currentTarget.value)}
          />
        </label>
        {agents.length > 0 && (
          <label>
            <span class="small quiet">Agent</span>
            <select
              class="wide"
              name="agent"
              value={agent}
              onChange={({ currentTarget }) => setAgent(currentTarget.value)}
            >
              {agents.map((one, at) => (
                <option key={one.name} value={at === 0 ? "" : one.name}>
                  {one.name}
                </option>
              ))}
            </select>
          </label>
        )}
        <button type="submit" class="primary" disabled={isMaking}>
          {isMaking ? "Beginning…" : "Begin"}
        </button>
      </div>
    </form>
  );
}
