import { isPathName } from "./run-request.ts";

export type RouteName = "run-events" | "run" | "thread";

const ROUTES: readonly (readonly [method: string, path: RegExp, name: RouteName])[] = [
  ["GET", /^\/runs\/([^/]+)\/events$/, "run-events"],
  ["DELETE", /^\/runs\/([^/]+)$/, "run"],
  ["GET", /^\/events\/([^/]+)$/, "thread"],
];

/** Which of our own routes it is, and the id in it; null for an id that no text has. */
export function routeOf(
  method: string,
  pathname: string,
): { readonly name: RouteName; readonly id: string | null } | null {
  for (const [itsMethod, path, name] of ROUTES) {
    const segment = itsMethod === method ? path.exec(pathname)?.[1] : undefined;
    if (segment !== undefined) return { name, id: decoded(segment) };
  }
  return null;
}

function decoded(segment: string): string | null {
  try {
    const id = decodeURIComponent(segment);
    return isPathName(id) ? id : null;
  } catch {
    return null;
  }
}
