import type { ComponentChildren } from "preact";
import { SessionClientError } from "../../client/index.ts";

/** Something that is being waited for: said to screen readers, and shown without moving what is around it. */
export function Loading({ what }: { readonly what: string }) {
  return (
    <p class="quiet" role="status">
      Loading {what}…
    </p>
  );
}

/** Nothing is there, and what one can do about it. */
export function Empty({ children }: { readonly children: ComponentChildren }) {
  return <div class="notice">{children}</div>;
}

/** What failed, in the server's own words, what that means, and a way to try it again. */
export function Failure({
  what,
  error,
  onRetry,
}: {
  /** As in `The sessions could not be read`. */
  readonly what: string;
  readonly error: unknown;
  readonly onRetry?: (() => void) | undefined;
}) {
  return (
    <div class="notice bad" role="alert">
      <p>
        <strong>{what}.</strong> {textOf(error)}
      </p>
      {onRetry && (
        <p>
          <button type="button" onClick={onRetry}>
            Try again
          </button>
        </p>
      )}
    </div>
  );
}

/** What an error says to a person. */
function textOf(error: unknown): string {
  if (!(error instanceof SessionClientError)) return String(error);
  if (error.status === null) return "The server does not answer.";
  if (error.status === 401) return `${error.message}: this page needs a token.`;
  if (error.status === 403) return `${error.message}: your token does not allow it here.`;
  return `${error.message} (${error.status}).`;
}
