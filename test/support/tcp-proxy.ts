import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { onTestFinished } from "vitest";

/** A wire between a client and a server on loopback, on which a test can have accidents. */
export interface TcpProxy {
  readonly port: number;
  /** Bytes that came from the server so far, over all connections. */
  readonly passedBytes: number;
  /** Connections that were made so far. */
  readonly connections: number;
  /** Resets the connections that there are, on both sides. */
  reset(): void;
  /** From now on nothing passes on the connections that there are; they stay open. */
  freeze(): void;
  /** From now on nothing is taken from the server on the connections that there are; they stay open. */
  stall(): void;
}

export interface TcpProxyOptions {
  /** How many bytes a new connection lets through from the server; then it is reset. Default: all. */
  readonly cutAfter?: () => CutAfter | null;
}

/** Called with what comes from the server; how many bytes of it still pass, or null for all. */
type CutAfter = (chunk: Buffer) => number | null;

interface Wire {
  readonly client: Socket;
  readonly server: Socket;
}

/** Listens before a port of this machine. Ends with the test. */
export async function startTcpProxy(
  target: number,
  { cutAfter = () => null }: TcpProxyOptions = {},
): Promise<TcpProxy> {
  const wires = new Set<Wire>();
  const frozen = new Set<Wire>();
  let passedBytes = 0;
  let connections = 0;

  function destroy(wire: Wire): void {
    wires.delete(wire);
    wire.client.resetAndDestroy();
    wire.server.resetAndDestroy();
  }

  function join(client: Socket): void {
    connections++;
    const server = connect({ port: target, host: "127.0.0.1", allowHalfOpen: true });
    const wire: Wire = { client, server };
    const cut = cutAfter();
    wires.add(wire);
    const pass = (from: Socket, to: Socket): void => {
      from.on("data", (chunk: Buffer) => {
        if (frozen.has(wire)) return;
        const passes = from === server ? (cut?.(chunk) ?? null) : null;
        if (from === server) passedBytes += chunk.length;
        if (passes !== null) {
          to.write(chunk.subarray(0, passes), () => destroy(wire));
          return;
        }
        if (to.write(chunk)) return;
        from.pause();
        to.once("drain", () => from.resume());
      });
      from.on("end", () => void (frozen.has(wire) || to.end()));
      from.on("error", () => void (frozen.has(wire) || destroy(wire)));
      from.on("close", () => {
        if (frozen.has(wire)) return;
        wires.delete(wire);
        to.end();
      });
    };
    pass(client, server);
    pass(server, client);
  }

  const listener = createServer({ allowHalfOpen: true }, join);
  listener.listen(0, "127.0.0.1");
  await once(listener, "listening");
  onTestFinished(() => {
    listener.close();
    for (const wire of wires) destroy(wire);
    for (const wire of frozen) destroy(wire);
  });
  return {
    port: (listener.address() as AddressInfo).port,
    get passedBytes() {
      return passedBytes;
    },
    get connections() {
      return connections;
    },
    reset() {
      for (const wire of wires) destroy(wire);
    },
    freeze() {
      for (const wire of wires) frozen.add(wire);
      wires.clear();
    },
    stall() {
      for (const { server } of wires) server.pause().removeAllListeners("data");
    },
  };
}
