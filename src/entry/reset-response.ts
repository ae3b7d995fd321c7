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
  /** Bytes of the body that the connection was given. */
  bodyBytes = 0;

  override write(...args: [chunk: unknown, ...rest: never[]]): boolean {
    this.#count(args[0]);
    // oxlint-disable-next-line typescript/unbound-method -- it is applied to this
    return Reflect.apply(super.write, this, args);
  }

  override end(...args: [chunk?: unknown, ...rest: never[]]): this {
    this.#count(args[0]);
    // oxlint-disable-next-line typescript/unbound-method -- it is applied to this
    return Reflect.apply(super.end, this, args);
  }

  #count(chunk: unknown): void {
    if (this.req.method !== "HEAD") this.bodyBytes += bytesOf(chunk);
  }

  override destroy(error?: Error): this {
    if (error && this.socket) resetConnection(this.socket);
    return super.destroy(error);
  }
}

/** Bytes of what a response is given to write; 0 for anything else. */
export function bytesOf(chunk: unknown): number {
  if (typeof chunk === "string") return Buffer.byteLength(chunk);
  return ArrayBuffer.isView(chunk) ? chunk.byteLength : 0;
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
