import { once } from "node:events";
import {
  type ClientRequest,
  createServer,
  type IncomingMessage,
  request,
  type ServerResponse,
} from "node:http";
import type { AddressInfo } from "node:net";

/**
 * What goes wrong with a request on its way. `409` and `503` (SlowDown): an answer instead of the
 * server's. `reset-before`, `stall-before`: it never gets there; `reset-after`, `stall-after`: it
 * does, and its answer is lost. `truncate`: half of the answer's body comes, then the socket closes.
 */
export type WireFault =
  | "none"
  | "409"
  | "503"
  | "reset-before"
  | "reset-after"
  | "stall-before"
  | "stall-after"
  | "truncate";

/** A proxy on loopback that passes requests on as they are, but for what goes wrong. */
export interface FaultProxy {
  readonly origin: string;
  /** Requests so far. */
  readonly requests: number;
  close(): Promise<void>;
}

/**
 * Listens before `target`; `next` says what becomes of a request. `onStall` is called when one has
 * stalled: its client waits for what never comes.
 */
export async function startFaultProxy(
  target: string,
  next: (request: IncomingMessage) => WireFault,
  onStall: () => void = () => {},
): Promise<FaultProxy> {
  const to = new URL(target);
  let requests = 0;
  const server = createServer((incoming, answer) => {
    requests++;
    handle(incoming, answer, next(incoming)).catch(() => {
      // a connection that broke behind the proxy, or whose client has left, breaks before it too
      answer.socket?.resetAndDestroy();
    });
  });

  /** The signature covers the host that the client named: headers stay as they are. */
  function passOn(incoming: IncomingMessage, body: Buffer): ClientRequest {
    const { method, url: path, headers } = incoming;
    const outgoing = request({ host: to.hostname, port: to.port, method, path, headers });
    outgoing.end(body);
    return outgoing;
  }

  async function handle(
    incoming: IncomingMessage,
    answer: ServerResponse,
    fault: WireFault,
  ): Promise<void> {
    const pieces: Buffer[] = [];
    for await (const piece of incoming) pieces.push(piece as Buffer);
    if (fault === "409" || fault === "503") return refuse(answer, Number(fault));
    if (fault === "reset-before") return void answer.socket?.resetAndDestroy();
    if (fault === "stall-before") return onStall();
    const [found] = (await once(passOn(incoming, Buffer.concat(pieces)), "response")) as [
      IncomingMessage,
    ];
    const body: Buffer[] = [];
    for await (const piece of found) body.push(piece as Buffer);
    if (fault === "reset-after") return void answer.socket?.resetAndDestroy();
    if (fault === "stall-after") return onStall();
    const whole = Buffer.concat(body);
    answer.writeHead(found.statusCode ?? 500, found.headers);
    if (fault !== "truncate" || whole.length < 2) return void answer.end(whole);
    answer.write(whole.subarray(0, whole.length >> 1), () => answer.socket?.destroy());
  }

  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    origin: `http://127.0.0.1:${port}`,
    get requests() {
      return requests;
    },
    async close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

function refuse(answer: ServerResponse, status: number): void {
  const code = status === 409 ? "ConditionalRequestConflict" : "SlowDown";
  answer.writeHead(status, { "Content-Type": "application/xml" });
  answer.end(`<?xml version="1.0"?><Error><Code>${code}</Code><Message>injected</Message></Error>`);
}
