import { useMemo, useSyncExternalStore } from "react";
import { RunlogAgent, type RunlogAgentConfig } from "./agent.ts";
import { SessionStore, type SessionView } from "./session-store.ts";

export type { SentContent, SentParameters, SessionView } from "./session-store.ts";

/** A session as a component has it. */
export interface RunlogSession
  extends SessionView, Pick<SessionStore, "agent" | "cancel" | "send"> {}

/**
 * Follows a session while the component is there: its history, the run that is going on, and those that it sends. Another `url`,
 * `threadId` or `session` is another session; of the rest the first counts, so that a token that is renewed belongs in
 * a function `headers`.
 *
 * @example
 * ```tsx
 * import { useRunlogSession } from "runlog/react";
 *
 * export function Chat({ threadId }: { threadId: string }) {
 *   const { messages, status, send, cancel } = useRunlogSession({ url: "/sessions", threadId });
 *   return (
 *     <>
 *       {messages.map(({ id, content }) => <p key={id}>{String(content)}</p>)}
 *       <button onClick={() => send("Hi")}>Send</button>
 *       <button onClick={cancel} disabled={status !== "working"}>Stop</button>
 *     </>
 *   );
 * }
 * ```
 */
export function useRunlogSession(
  config: RunlogAgentConfig & { readonly threadId: string },
): RunlogSession {
  const { url, threadId, session } = config;
  const store = useMemo(() => new SessionStore(new RunlogAgent(config)), [url, threadId, session]);
  const view = useSyncExternalStore(store.subscribe, store.view, store.view);
  return useMemo(() => {
    const { agent, cancel, send } = store;
    return { ...view, agent, cancel, send };
  }, [store, view]);
}
