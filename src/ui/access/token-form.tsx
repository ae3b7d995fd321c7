import { useState } from "preact/hooks";

export interface TokenFormProps {
  /** Whether the server refused the token that was given. */
  readonly isWrong: boolean;
  readonly onToken: (token: string) => void;
}

/** What is shown where the server asks who calls. */
export function TokenForm({ isWrong, onToken }: TokenFormProps) {
  const [token, setToken] = useState("");
  return (
    <form
      class="notice"
      onSubmit={(event) => {
        event.preventDefault();
        onToken(token.trim());
      }}
    >
      <h1>A token is needed</h1>
      <p>
        This server shows its sessions to those who have a token. It is kept in this page's memory
        alone: it is gone when the page is loaded anew, and is never part of an address.
      </p>
      {isWrong && (
        <p class="notice bad" role="alert">
          The server does not take this token. It may have expired, or be one of another server.
        </p>
      )}
      <p class="row">
        <label class="grow">
          Token{" "}
          <input
            type="password"
            autocomplete="off"
            spellcheck={false}
            value={token}
            onInput={({ currentTarget }) => setToken(currentTarget.value)}
          />
        </label>
        <button type="submit" class="primary" disabled={token.trim() === ""}>
          Show the sessions
        </button>
      </p>
    </form>
  );
}
