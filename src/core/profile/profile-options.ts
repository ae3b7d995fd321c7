import type { Dialect } from "./repair/dialect.ts";
import type { FrameWriter } from "./frame-writer.ts";
import type { MessageList } from "./client-view/message-list.ts";
import type { StateDocument } from "./client-view/state-document.ts";
import type { ReportFault } from "./undelivered.ts";

export interface ProfileStreamOptions {
  readonly dialect: Dialect;
  /** Thread of runs that name none: the session's name. */
  readonly threadId: string;
  /**
   * Thread that every run is sent with, in place of its own: the one that the client asked with.
   */
  readonly clientThreadId?: string;
  readonly writer: FrameWriter;
  /** The messages that the client has. */
  readonly messages: MessageList;
  /** Follows the state as well, where a snapshot of it is sent. */
  readonly state?: StateDocument;
  /** Only this run is sent; default all. */
  readonly onlyRun?: string;
  /** Whether the client has the state that the run was posted with: it has posted the run. */
  readonly hasPostedState?: boolean;
  /** Whether the client may hold messages and state of its own, which the first run has to reset. */
  readonly isWarm?: boolean;
  readonly onFault: ReportFault;
  /**
   * Up to so many characters of all messages a snapshot of them is sent wherever an event depends on it;
   * default 4,096. Beyond, see `SnapshotPace`.
   */
  readonly smallChars?: number;
  /** Whether events between runs are taken as they come, as the ambient dialect does. */
  readonly isUnbounded?: boolean;
}

/** An event that was not sent because of its size. */
export interface LargeEvent {
  readonly type: string;
  /** The message that it is about, if it names one. */
  readonly id: string | null;
  readonly runId: string | null;
}
