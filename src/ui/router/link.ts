/** What a page of a session shows. */
export const VIEW_NAMES = [
  "conversation",
  "timeline",
  "events",
  "state",
  "runs",
  "compare",
] as const;

export type ViewName = (typeof VIEW_NAMES)[number];

/** What the page's address says. It is kept in the fragment, which browsers send to no server. */
export interface Link {
  /** Null: the page's own default. */
  readonly project: string | null;
  /** Null: the list of sessions. */
  readonly session: string | null;
  readonly view: ViewName;
  /** The run that is meant. */
  readonly run: string | null;
  /** The run that it is compared with. */
  readonly other: string | null;
  /** The position at which the session is shown. Null: as it is now. */
  readonly at: string | null;
}

export const START: Link = {
  project: null,
  session: null,
  view: "conversation",
  run: null,
  other: null,
  at: null,
};

/** Reads `#/<project>/<session>/<view>?run=…&other=…&at=<cursor>`. What makes no sense is left out. */
export function parseLink(hash: string): Link {
  const [path = "", query = ""] = hash.replace(/^#?\/?/, "").split("?", 2);
  const [project, session, view] = path.split("/").map(decode);
  if (!project) return START;
  const given = new URLSearchParams(query);
  return {
    project,
    session: session || null,
    view: VIEW_NAMES.find((name) => name === view) ?? START.view,
    run: given.get("run") || null,
    other: given.get("other") || null,
    at: given.get("at") || null,
  };
}

/** The fragment of a link, with its `#`. */
export function hashOf({ project, session, view, run, other, at }: Link): string {
  if (project === null) return "#/";
  if (session === null) return `#/${encodeURIComponent(project)}`;
  const query = new URLSearchParams({
    ...(run !== null && { run }),
    ...(other !== null && { other }),
    ...(at !== null && { at }),
  });
  const path = [project, session, view].map(encodeURIComponent).join("/");
  return query.size === 0 ? `#/${path}` : `#/${path}?${query}`;
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
