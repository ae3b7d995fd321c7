/**
 * What a session is sorted and searched by: all that is kept of it while a page is put together.
 */
export interface SessionRow {
  readonly session: string;
  /** Epoch ms. */
  readonly createdAtMs: number;
  readonly displayName: string;
  readonly initialPrompt: string;
}

/** Compares two sessions for a list: the newest first, of equal age by name. */
export function bySessionAge(
  a: Pick<SessionRow, "session" | "createdAtMs">,
  b: Pick<SessionRow, "session" | "createdAtMs">,
): number {
  return b.createdAtMs - a.createdAtMs || (a.session < b.session ? -1 : 1);
}

/**
 * Whether a row contains `search` in name, display name or initial prompt, in any case; "" is in
 * all.
 */
export function searchFor(search: string): (row: Omit<SessionRow, "createdAtMs">) => boolean {
  if (search === "") return () => true;
  const wanted = search.toLowerCase();
  return ({ session, displayName, initialPrompt }) =>
    [session, displayName, initialPrompt].some((text) => text.toLowerCase().includes(wanted));
}
