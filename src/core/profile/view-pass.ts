import type { SessionUse } from "../session/session-registry.ts";
import { MessageList } from "./client-view/message-list.ts";
import { Pass, type ProfileSourceOptions } from "./profile-pass.ts";

export interface ViewPassOptions extends Pick<
  ProfileSourceOptions,
  "store" | "start" | "budgets" | "logger"
> {
  /** Whether events between runs count where they stand, not from the next run on. Default false. */
  readonly isUnbounded?: boolean;
}

/**
 * Most characters of JSON in the messages: no client has to take them as one event. What all messages of
 * the process may take still holds.
 */
const MESSAGE_CHARS = 32 * 1024 * 1024;

/** A pass that finds what a client has at a position. The pass does not release `use`. */
export function createViewPass(
  use: SessionUse,
  { isUnbounded = false, ...options }: ViewPassOptions,
): Pass {
  const source = { ...options, dialect: "1.0", isOver: () => true } as const;
  return new Pass(use, source, true, {
    isUnbounded,
    listOf: (list) => new MessageList({ ...list, limitChars: MESSAGE_CHARS }),
  });
}
