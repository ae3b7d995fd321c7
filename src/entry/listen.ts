import { createServer, type ListenOptions, type Server } from "node:net";
import type { Logger } from "../ports/logger.ts";

export interface ListenTarget {
  /** 0 for any that is free. */
  readonly port: number;
  readonly host: string;
  /** A connection beyond so many is closed before its request is read. */
  readonly maxConnections: number;
  /** Logs connections that could not be accepted. */
  readonly logger: Logger;
}

export interface Listening {
  readonly port: number;
  /** Accepts no more; resolves when all connections have ended. */
  close(): Promise<void>;
}

/**
 * Listening sockets of the one port: Node accepts one connection a socket in each turn of the event
 * loop, and turns are long while much is replayed (decisions/014).
 */
const SOCKETS = process.platform === "linux" ? 32 : 1;
/**
 * What a connection keeps unsent before its stream has to wait: less than a piece of a replay, so that
 * it keeps one and not two. 1,000 clients that never read cost 211 KiB each with it, 257 KiB with the
 * 64 KiB that are Node's own (`npm run half-open`). To be given to a server that is made for `listen`.
 */
export const SOCKET_BYTES: number = 16 * 1024;
/** Connections that wait to be accepted: all viewers of a server that comes back come at once. */
const BACKLOG = 8_192;

/** Makes `server` listen. Rejects with the system's error, such as EADDRINUSE, then listening nowhere. */
export async function listen(server: Server, target: ListenTarget): Promise<Listening> {
  const { host, logger, maxConnections } = target;
  // sockets that share a port are given it even if another server of the same user has it
  if (SOCKETS > 1 && target.port !== 0) await close(await open(createServer(), target));
  const listeners = Array.from({ length: SOCKETS - 1 }, () =>
    createServer({ allowHalfOpen: true, noDelay: true, highWaterMark: SOCKET_BYTES }, (socket) => {
      server.emit("connection", socket);
    }),
  );
  const all = [server, ...listeners];
  limitConnections(server, all, maxConnections);
  const options = { host, reusePort: SOCKETS > 1, backlog: Math.ceil(BACKLOG / SOCKETS) };
  const opened: Server[] = [];
  const closeAll = async (): Promise<void> => {
    await Promise.all(opened.map(close));
  };
  try {
    opened.push(await open(server, { ...options, port: target.port }));
    const port = portOf(server);
    for (const listener of listeners) opened.push(await open(listener, { ...options, port }));
    for (const each of all) each.on("error", (error) => logger.error("accept-failed", { error }));
    return { port, close: closeAll };
  } catch (error) {
    await closeAll();
    throw error;
  }
}

/** Limits open connections to `most`; `server` gets the connections of all servers. */
function limitConnections(server: Server, all: readonly Server[], most: number): void {
  let count = 0;
  const changed = (by: 1 | -1): void => {
    const wasFull = count >= most;
    count += by;
    const isFull = count >= most;
    if (isFull === wasFull) return;
    // with 0 every new connection is closed
    for (const each of all) each.maxConnections = isFull ? 0 : Infinity;
  };
  server.on("connection", (socket) => {
    changed(1);
    socket.once("close", () => changed(-1));
  });
}

function open(server: Server, options: ListenOptions): Promise<Server> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(options, () => {
      server.off("error", reject);
      resolve(server);
    });
  });
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
  });
}

function portOf(server: Server): number {
  const address = server.address();
  if (typeof address !== "object" || address === null) throw new TypeError("It listens nowhere");
  return address.port;
}
