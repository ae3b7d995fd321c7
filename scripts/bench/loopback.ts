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

/**
 * Below the ports that systems give to the near ends of connections (32768 on Linux). A port of
 * those may be given away at any time, and who connects to it again and again while nobody
 * listens there may be given the same port as its own near end, and then meets itself.
 */
const FIXED_PORTS = { from: 15_000, count: 15_000 } as const;

/** A port of 127.0.0.1 at which nobody listens, and which no connection is given meanwhile. */
export async function freePort(): Promise<number> {
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
