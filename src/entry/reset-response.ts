import { type IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";

/**
 * A response that resets its connection when it fails. After an ordinary close the kernel goes on
 * offering what the client has not taken: up to 4 MiB a connection, for minutes, for a client that
 * will never read them (measured). The client comes back with its cursor either way.
 */
export class ResetResponse<
  Request extends IncomingMessage = IncomingMessage,
> extends ServerResponse<Request> {
  override destroy(error?: Error): this {
    if (error && this.socket) resetConnection(this.socket);
    return super.destroy(error);
  }
}

/** The TCP connections under TLS, which alone can be reset, by their ends. */
const CARRIERS = new Map<string, Socket>();

/** TLS will run on this connection. */
export function followCarrier(carrier: Socket): void {
  const ends = endsOf(carrier);
  CARRIERS.set(ends, carrier);
  carrier.once("close", () => CARRIERS.delete(ends));
}

/** Ends a connection at once; what its client has not taken is dropped. */
export function resetConnection(socket: Socket): void {
  if (!socket.destroyed) (CARRIERS.get(endsOf(socket)) ?? socket).resetAndDestroy();
}

function endsOf({ remoteAddress, remotePort, localPort }: Socket): string {
  return `${remoteAddress} ${remotePort} ${localPort}`;
}
