import type { ParsedEvent } from "../profile/repair/parsed-event.ts";
import { applyToMessages } from "../profile/client-view/apply-event.ts";
import { MessageList } from "../profile/client-view/message-list.ts";

export interface MarkdownMessagesOptions {
  /** Called before the messages are released: writes those that are not written. */
  readonly beforeLoss: () => void;
  /** The events that opened what is open. */
  readonly openers: () => readonly ParsedEvent[];
}

/**
 * The messages that a client holds, for a reader that writes them down: they have no bound of their
 * own, and where they cannot be known any more the list goes on without them. Of an open item it
 * then has the later parts.
 */
export class MarkdownMessages extends MessageList {
  readonly #options: MarkdownMessagesOptions;

  constructor(options: MarkdownMessagesOptions) {
    super({ limitChars: Infinity, room: { tryGrow: () => true } });
    this.#options = options;
  }

  override lose(): void {
    this.#options.beforeLoss();
    // a snapshot may have removed items that its run goes on with
    const open = this.#options.openers().filter((opener) => {
      const call = opener.text("toolCallId");
      return call === null ? this.has(opener.text("messageId") ?? "") : this.hasCall(call);
    });
    this.restart();
    for (const opener of open) applyToMessages(this, opener.text("type") ?? "", opener);
  }
}
