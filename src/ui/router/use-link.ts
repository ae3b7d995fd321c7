import { useCallback, useEffect, useState } from "preact/hooks";
import { hashOf, type Link, parseLink } from "./link.ts";

/** How another link replaces the one that is shown: members that are not given stay. */
export type Go = (change: Partial<Link>, options?: { readonly replace?: boolean }) => void;

/**
 * The link in the page's address, and what goes to another one. `replace` leaves no entry in the browser's history, for what
 * changes many times a second.
 */
export function useLink(): readonly [Link, Go] {
  const [link, setLink] = useState(() => parseLink(location.hash));
  useEffect(() => {
    const follow = (): void => setLink(parseLink(location.hash));
    window.addEventListener("hashchange", follow);
    return () => window.removeEventListener("hashchange", follow);
  }, []);
  const go = useCallback<Go>((change, { replace = false } = {}) => {
    const next = { ...parseLink(location.hash), ...change };
    if (replace) history.replaceState(null, "", hashOf(next));
    else history.pushState(null, "", hashOf(next));
    setLink(next);
  }, []);
  return [link, go];
}
