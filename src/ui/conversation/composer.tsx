import { useState } from "preact/hooks";
import type { SessionApi } from "../api/connection.ts";
import { Failure } from "../components/notice.tsx";
import { say } from "./say.ts";

/** Where the user says something: Enter sends it, Shift and Enter begin a new line. */
export function Composer({ session }: { readonly session: SessionApi }) {
  const [text, setText] = useState("");
  const [isSending, setSending] = useState(false);
  const [error, setError] = useState<unknown>(null);

  const send = async (): Promise<void> => {
    const said = text.trim();
    if (said === "" || isSending) return;
    setSending(true);
    setError(null);
    try {
      await say(session, { text: said });
      setText("");
    } catch (failure) {
      setError(failure);
    }
    setSending(false);
  };

  return (
    <form
      class="composer"
      onSubmit={(event) => {
        event.preventDefault();
        void send();
      }}
    >
      {error !== null && <Failure what="The message was not sent" error={error} />}
      <div class="row">
        <textarea
          class="grow"
          aria-label="Message to the agent"
          placeholder="Say something to the agent"
          rows={2}
          dir="auto"
          value={text}
          onInput={({ currentTarget }) => setText(currentTarget.value)}
          onKeyDown={(event) => {
            if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
            event.preventDefault();
            void send();
          }}
        />
        <button type="submit" class="primary" disabled={isSending || text.trim() === ""}>
          {isSending ? "Sending…" : "Send"}
        </button>
      </div>
    </form>
  );
}
