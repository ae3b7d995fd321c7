import { once } from "node:events";
import { createServer, type Server } from "node:net";

/** Lets `server` listen on a free port of 127.0.0.1; resolves with the port. */
export async function listenOnLoopback(server: Server): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new TypeError("not a TCP server");
  return address.port;
}

/** A port of 127.0.0.1 that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer();
  const port = await listenOnLoopback(server);
  server.close();
  await once(server, "close");
  return port;
}

/** Below the ports that systems give to the near ends of connections. */
const FIXED_PORTS = { from: 15_000, count: 15_000 } as const;

/** A free port that stays free between two lives of a server: no connection gets it meanwhile. */
export async function freeFixedPort(): Promise<number> {
  for (;;) {
    const port = FIXED_PORTS.from + Math.floor(Math.random() * FIXED_PORTS.count);
    const server = createServer();
    try {
      await new Promise<void>((resolve, reject) => {
        server.once("error", reject).listen(port, "127.0.0.1", resolve);
      });
      server.close();
      await once(server, "close");
      return port;
    } catch {
      // somebody has it
    }
  }
}
