import { ago } from "../format/format.ts";

/** A time as how long ago it was; the time itself on asking. Milliseconds since 1970. */
export function Time({ at }: { readonly at: number }) {
  if (!Number.isFinite(at)) return <>–</>;
  const date = new Date(at);
  return (
    <time dateTime={date.toISOString()} title={date.toLocaleString()}>
      {ago(at, Date.now())}
    </time>
  );
}
