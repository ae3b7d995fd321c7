import type { NatsConnectionLike } from "./connection.ts";

/** What is sent over one connection, until that is away. */
export interface Outbox {
  /** Sends a message; false while the server has not taken too many of those before. */
  send(subject: string, payload: string): boolean;
}

/** The server is asked whether it has taken them after so many messages. */
const CONFIRM_EVERY = 64;
/**
 * Most messages that wait for that, some 500 KB: the library would keep any number for a server that
 * does not read.
 */
const MAX_UNCONFIRMED = 4_096;

/** `onRoom` is called when messages may be sent again that could not be. */
export function createOutbox(connection: NatsConnectionLike, onRoom: () => void): Outbox {
  let unconfirmed = 0;
  let isConfirming = false;

  function confirm(): void {
    if (isConfirming || unconfirmed < CONFIRM_EVERY) return;
    isConfirming = true;
    const asked = unconfirmed;
    connection.flush().then(
      () => {
        isConfirming = false;
        unconfirmed -= asked;
        onRoom();
        confirm();
      },
      () => {
        // the connection is away: what comes back has an outbox of its own
      },
    );
  }

  return {
    send(subject, payload) {
      if (unconfirmed >= MAX_UNCONFIRMED) return false;
      try {
        connection.publish(subject, payload);
      } catch {
        // it was closed a moment ago, which its status tells
        return false;
      }
      unconfirmed++;
      confirm();
      return true;
    },
  };
}
