import type { SessionKey } from "../../ports/log-store.ts";
import type { SessionState } from "../model/session-state.ts";
import type { EventLines } from "./admission.ts";

/** Events that were appended, and what was known before them. */
export interface StoredEvents extends EventLines {
  readonly key: SessionKey;
  readonly logId: string;
  /** Where the first of the lines begins. */
  readonly start: number;
  readonly before: SessionState;
}

/** What happens to the sessions of this process, by the name of the event. */
interface SessionEventMap {
  /** A run was admitted, or taken up: what was posted of it is stored, under a mark. */
  readonly "run-admitted": {
    readonly key: SessionKey;
    readonly runId: string;
    readonly threadId: string;
    /** The log that the run was admitted to. */
    readonly logId: string;
  };
  /** A run was refused of which the log may have events, so that its end has to be stored later. */
  readonly "run-released": { readonly key: SessionKey };
  /** The end of a run was stored. */
  readonly "run-ended": { readonly key: SessionKey };
  /**
   * Events were stored of which one ends a run, or has the agent wait for its user. The lines are theirs only until
   * the call returns.
   */
  readonly "run-turned": StoredEvents;
  /** The state of a session was released. */
  readonly "session-released": { readonly key: SessionKey };
}

type EventName = keyof SessionEventMap;
type Listener<Name extends EventName> = (event: SessionEventMap[Name]) => void;

/** What the parts of a service let each other know, so that none has to know who acts on it. */
export interface SessionEvents {
  /** Has `listener` called for each such event from now on. It must not throw. */
  on<Name extends EventName>(name: Name, listener: Listener<Name>): void;
  /** Calls the listeners, in the order in which they came, before it returns. */
  emit<Name extends EventName>(name: Name, event: SessionEventMap[Name]): void;
}

export function createSessionEvents(): SessionEvents {
  const listeners: { readonly [Name in EventName]: Listener<Name>[] } = {
    "run-admitted": [],
    "run-released": [],
    "run-ended": [],
    "run-turned": [],
    "session-released": [],
  };
  return {
    on: (name, listener) => void listeners[name].push(listener),
    emit(name, event) {
      for (const listener of listeners[name]) listener(event);
    },
  };
}
