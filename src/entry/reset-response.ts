import { type IncomingMessage, ServerResponse } from "node:http";

/**
 * A response that resets its connection when it fails. After an ordinary close the kernel goes on
 * offering what the client has not taken: up to 4 MiB a connection, for minutes, for a client that
 * will never read them (measured). The client comes back with its cursor either way.
 */
export class ResetResponse<
  Request extends IncomingMessage = IncomingMessage,
> extends ServerResponse<Request> {
  override destroy(error?: Error): this {
    if (error && this.socket?.destroyed === false) this.socket.resetAndDestroy();
    return super.destroy(error);
  }
}
