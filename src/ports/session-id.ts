import type { SessionKey } from "./log-store.ts";

/** One text for a session, as the key of a map: names hold no slash. */
export function idOf({ project, session }: SessionKey): string {
  return `${project}/${session}`;
}
