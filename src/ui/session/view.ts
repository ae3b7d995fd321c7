import type { ComponentType } from "preact";
import type { SessionApi } from "../api/connection.ts";
import type { Link, ViewName } from "../router/link.ts";
import type { Go } from "../router/use-link.ts";

/**
 * What a view of a session gets. It is made anew for another session; `at` and `run` change while it is there. A view shows its own
 * empty, loading and broken states, and ends what it asks for when it goes.
 */
export interface ViewProps {
  readonly session: SessionApi;
  readonly project: string;
  /** The cursor at which the session is shown. Null: as it is now, followed live. */
  readonly at: string | null;
  /** The run that the link means. */
  readonly run: string | null;
  /** The run that it is compared with. */
  readonly other: string | null;
  /** Shows something else, which the page's address then says. */
  readonly go: Go;
  /** Where something else is shown, as the `href` of a link. */
  readonly linkTo: (change: Partial<Link>) => string;
}

export interface View {
  readonly name: ViewName;
  readonly title: string;
  readonly Component: ComponentType<ViewProps>;
}
