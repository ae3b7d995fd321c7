import { useState } from "preact/hooks";
import type { SessionApi } from "../api/connection.ts";
import { Failure, Loading } from "../components/notice.tsx";
import { useAnswer } from "../components/use-answer.ts";
import { prettyJson } from "../json/pretty-json.ts";

export interface EventDetailProps {
  readonly session: SessionApi;
  readonly cursor: string;
  /** A link to the session as it was after this event. */
  readonly stateHref: string;
  /** Shows the event among those around it; null where it is. */
  readonly onShowInPlace: (() => void) | null;
  readonly onClose: () => void;
}

const FIRST_CHARS = 50_000;
const MORE_CHARS = 1_000_000;

/** One event, with the digits and the order that it was stored with. */
export function EventDetail(props: EventDetailProps) {
  const { session, cursor, stateHref, onShowInPlace, onClose } = props;
  const answer = useAnswer((signal) => session.eventText(cursor, { signal }), [session, cursor]);
  const [isLong, setLong] = useState(false);
  const [copied, setCopied] = useState("");
  const json = answer.value;
  const pretty = json === null ? null : prettyJson(json, isLong ? MORE_CHARS : FIRST_CHARS);
  const copy = (text: string, what: string): void => {
    navigator.clipboard.writeText(text).then(
      () => setCopied(`${what} copied`),
      () => setCopied("The browser does not allow copying"),
    );
  };
  return (
    <aside class="event-detail" aria-label="The chosen event">
      <div class="row">
        <code class="grow event-detail-cursor">{cursor}</code>
        <button type="button" onClick={onClose} aria-label="Close the event">
          ✕
        </button>
      </div>
      <div class="row">
        <button type="button" disabled={json === null} onClick={() => copy(json ?? "", "JSON")}>
          Copy as JSON
        </button>
        <button type="button" onClick={() => copy(cursor, "Cursor")}>
          Copy the cursor
        </button>
        {onShowInPlace && (
          <button type="button" onClick={onShowInPlace}>
            Show in place
          </button>
        )}
        <a href={stateHref}>State then</a>
        <span class="quiet small" role="status">
          {copied}
        </span>
      </div>
      {answer.error !== null && answer.error !== undefined && (
        <Failure what="The event could not be read" error={answer.error} onRetry={answer.ask} />
      )}
      {!pretty && answer.isAsking && <Loading what="the event" />}
      {pretty && (
        <pre class="event-json" tabIndex={0} aria-label="JSON of the event">
          <bdi>{pretty.text}</bdi>
        </pre>
      )}
      {pretty?.isCut && (
        <p class="small">
          The beginning of {json?.length.toLocaleString()} characters.{" "}
          {!isLong && (
            <button type="button" onClick={() => setLong(true)}>
              Show more
            </button>
          )}
        </p>
      )}
    </aside>
  );
}
