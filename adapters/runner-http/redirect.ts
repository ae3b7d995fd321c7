/** Redirects after which a request is made again as it was; 303 wants another one. */
const KEPT: ReadonlySet<number> = new Set([301, 302, 307, 308]);

/** Where a redirect points, or null for any other answer, and for one that names no HTTP address. */
export function redirectOf(status: number, location: string | null, url: string): URL | null {
  if (!KEPT.has(status) || location === null || !URL.canParse(location, url)) return null;
  const next = new URL(location, url);
  return /^https?:$/.test(next.protocol) ? next : null;
}

/** Whether the URL may have what the other one had: its body, and the headers. */
export function isSameOrigin({ origin, username, password }: URL, other: string): boolean {
  return origin === new URL(other).origin && username + password === "";
}
