import type { LearnedMessage, MessageDigest } from "../model/posted-message-ids.ts";
import type { Session } from "../session/session.ts";
import { digestsOf } from "./message-digest.ts";
import type { InputMessage } from "./run-input.ts";

/** A posted transcript, compared with what the log says. */
export interface PostedTranscript {
  readonly digests: readonly MessageDigest[];
  /** The places of the messages that have to be stored. */
  readonly unknown: readonly number[];
  /** The places of messages that the open run is still streaming. */
  readonly unfinished: ReadonlySet<number>;
}

/** Messages that a log itself says, from an offset on. */
export interface StreamedMessages {
  /** Those that no open run has made. */
  readonly ended: readonly LearnedMessage[];
  /** Where the open run begins, or else the log ends: what is before it is in `ended`. */
  readonly readTo: number;
  /** Whether a posted message says what the open run has streamed so far, or a part of it. */
  readonly isCopy: (posted: Pick<InputMessage, "id" | "posted">) => boolean;
}

/** Reads the messages that the session's log itself says after an offset. */
export type ReadStreamed = (session: Session, from: number) => Promise<StreamedMessages>;

/**
 * Compares the messages of a posted run with those that are known. The log is read, from where that was
 * done last, only if there are unknown ones that a runner may have made.
 */
export async function compareTranscript(
  posted: readonly InputMessage[],
  session: Session,
  readStreamed: ReadStreamed,
): Promise<PostedTranscript> {
  const { messages } = session;
  const digests = await digestsOf(posted);
  const unknown = messages.unknown(digests);
  // what a user says comes from clients alone
  if (unknown.every((place) => posted[place]?.role === "user"))
    return { digests, unknown, unfinished: new Set() };
  const { ended, isCopy, readTo } = await readStreamed(session, messages.readTo);
  messages.learn(ended, readTo);
  const others = messages.unknown(digests);
  const isUnfinished = (place: number): boolean => {
    const message = posted[place];
    return message !== undefined && isCopy(message);
  };
  const unfinished = new Set(others.filter(isUnfinished));
  return { digests, unknown: others.filter((place) => !unfinished.has(place)), unfinished };
}
