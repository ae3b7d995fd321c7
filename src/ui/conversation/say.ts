import { type RunIds, SessionClientError, type SessionMessage } from "../../client/index.ts";
import type { SessionApi } from "../api/connection.ts";

/** What is posted with a run besides what the session already has. */
export interface Said {
  /** Of the user; null says nothing. */
  readonly text: string | null;
  /** Tells the agent what kind of message it is. */
  readonly metadata?: Readonly<Record<string, unknown>>;
  /** The answers to interrupts. */
  readonly resume?: readonly unknown[];
  readonly forwardedProps?: Readonly<Record<string, unknown>>;
}

/**
 * Starts a run as clients of AG-UI do: with the whole conversation, which agents without a memory need, and the state. Of a
 * session whose messages are too many the new one goes alone.
 */
export async function say(session: SessionApi, { text, metadata, ...more }: Said): Promise<RunIds> {
  const now = await session.messages().catch((error: unknown) => {
    if (error instanceof SessionClientError && error.status === 404) return null;
    throw error;
  });
  const known = (now?.messages ?? []).filter(({ role }) => role !== "activity");
  const said: SessionMessage[] =
    text === null
      ? []
      : [{ id: newId(), role: "user", content: text, ...(metadata && { metadata }) }];
  return session.run({
    ...(now && { threadId: now.threadId }),
    messages: [...known, ...said],
    ...(hasMembers(now?.state) && { state: now?.state }),
    ...more,
  });
}

/** Also in a page that is served without TLS from another machine, where there is no `randomUUID`. */
function newId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function hasMembers(state: unknown): boolean {
  return typeof state === "object" && state !== null && Object.keys(state).length > 0;
}
