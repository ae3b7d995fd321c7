import { UsageError } from "../exit.ts";

/** The address of a server without a slash at its end; `name` is the option or variable that gave it. Throws UsageError. */
export function serverUrl(name: string, text: string): string {
  const url = URL.parse(text);
  if (!url || !/^https?:$/.test(url.protocol))
    throw new UsageError(`${name} is the http(s) URL of a server, not "${text}"`);
  if (url.username !== "" || url.password !== "")
    throw new UsageError(`${name} must have no user in it: a token is given by RUNLOG_TOKEN`);
  return text.replace(/\/+$/, "");
}

/** What `fetch` failed with: its own message says no more than that. */
export function reasonOf(error: unknown): string {
  const cause = error instanceof Error ? (error.cause ?? error) : error;
  const { code, message }: { code?: unknown; message?: unknown } = Object(cause);
  return String(message || code || cause);
}
