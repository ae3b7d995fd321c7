import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { onTestFinished } from "vitest";

/** Connections that break off, in front of a server. */
export interface CuttingProxy {
  readonly origin: string;
  /** How many connections it has cut. */
  readonly cuts: number;
  /** Cuts the connection that gets the next `bytes` of answers, right behind them. */
  cutAfter(bytes: number): void;
}

/** Passes connections on to `target`. It goes with the test. */
export async function startCuttingProxy(target: string): Promise<CuttingProxy> {
  const { hostname, port } = new URL(target);
  const sockets = new Set<Socket>();
  let left = Infinity;
  let cuts = 0;
  const server = createServer((client) => {
    const upstream = connect(Number(port), hostname);
    let isCut = false;
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on("error", () => {});
      socket.once("close", () => {
        client.destroy();
        upstream.destroy();
      });
    }
    client.on("data", (piece) => upstream.write(piece));
    upstream.on("data", (piece: Buffer) => {
      if (isCut) return;
      isCut = piece.length > left;
      client.write(isCut ? piece.subarray(0, left) : piece);
      left -= piece.length;
      if (!isCut) return;
      left = Infinity;
      cuts++;
      client.destroySoon();
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get cuts() {
      return cuts;
    },
    cutAfter(bytes) {
      left = bytes;
    },
  };
}
