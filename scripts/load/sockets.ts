import { readFile } from "node:fs/promises";

/** The server's ends of its connections, as the kernel sees them (Linux). */
export interface ServerSockets {
  /** Connections that are open. */
  readonly established: number;
  /** Connections that the server has closed and the kernel has not: it still has bytes to send. */
  readonly closing: number;
  /** Bytes that the kernel holds for clients that have not taken them, over all connections. */
  readonly unsentBytes: number;
}

const ESTABLISHED = "01";
/** FIN_WAIT1, FIN_WAIT2, LAST_ACK and CLOSING. TIME_WAIT and CLOSE_WAIT hold no bytes to send. */
const CLOSING: ReadonlySet<string> = new Set(["04", "05", "09", "0B"]);

/** Reads the kernel's table of connections for those whose near port is `port`. */
export async function serverSockets(port: number): Promise<ServerSockets> {
  const local = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  let established = 0;
  let closing = 0;
  let unsentBytes = 0;
  for (const line of (await readFile("/proc/net/tcp", "utf8")).split("\n")) {
    const [, near, , state = "", queues = ""] = line.trim().split(/\s+/);
    if (near?.endsWith(local) !== true) continue;
    if (state === ESTABLISHED) established += 1;
    if (CLOSING.has(state)) closing += 1;
    unsentBytes += Number.parseInt(queues.split(":")[0] ?? "0", 16) || 0;
  }
  return { established, closing, unsentBytes };
}

/** Memory of all TCP sockets of the machine, in bytes. */
export async function tcpMemoryBytes(): Promise<number> {
  const pages = /^TCP: .* mem (\d+)/m.exec(await readFile("/proc/net/sockstat", "utf8"))?.[1];
  return Number(pages) * 4_096;
}
