import { Compare } from "../compare/compare.tsx";
import { Conversation } from "../conversation/conversation.tsx";
import { Events } from "../events/events.tsx";
import { Runs } from "../runs/runs.tsx";
import { State } from "../state/state.tsx";
import { Timeline } from "../timeline/timeline.tsx";
import type { View } from "./view.ts";

/** The views of a session, in the order of their tabs. */
export const VIEWS: readonly View[] = [
  { name: "conversation", title: "Conversation", Component: Conversation },
  { name: "timeline", title: "Time line", Component: Timeline },
  { name: "events", title: "Events", Component: Events },
  { name: "state", title: "State", Component: State },
  { name: "runs", title: "Runs", Component: Runs },
  { name: "compare", title: "Compare", Component: Compare },
];
