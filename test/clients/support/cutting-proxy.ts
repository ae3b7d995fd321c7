import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { onTestFinished } from "vitest";

/** A connection that breaks off, in front of a server. */
export interface CuttingProxy {
  readonly origin: string;
  /** How many connections it has cut. */
  readonly cuts: number;
}

/**
 * Passes connections on to `target`; the answers to the first posts break off after so many bytes as
 * `after` says, one by one, wherever that is in them. It goes with the test.
 */
export async function startCuttingProxy(
  target: string,
  after: readonly number[],
): Promise<CuttingProxy> {
  const { hostname, port } = new URL(target);
  const sockets = new Set<Socket>();
  const left = [...after];
  let cuts = 0;
  const server = createServer((client) => {
    const upstream = connect(Number(port), hostname);
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on("error", () => {});
      socket.once("close", () => {
        client.destroy();
        upstream.destroy();
      });
    }
    let bytes = Infinity;
    client.on("data", (piece: Buffer) => {
      if (piece.toString("latin1").startsWith("POST ")) bytes = left.shift() ?? Infinity;
      upstream.write(piece);
    });
    upstream.on("data", (piece: Buffer) => {
      if (bytes < 0) return;
      client.write(bytes < piece.length ? piece.subarray(0, bytes) : piece);
      bytes -= piece.length;
      if (bytes >= 0) return;
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
  };
}
