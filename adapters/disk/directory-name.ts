import { readFileSync, statSync } from "node:fs";
import { createServer } from "node:net";

/** Where Linux lists the sockets of the machine, or of the container's network. */
const SOCKETS = "/proc/net/unix";

/**
 * Takes a name for the directory that no file stands for: an abstract socket of Linux, which goes with
 * the process. Returns what gives it back, or null if a process has it. Where there are no such sockets
 * everybody gets it; where processes have networks of their own they do not see each other's.
 */
export function takeDirectoryName(dir: string): (() => void) | null {
  if (process.platform !== "linux") return () => {};
  const { dev, ino } = statSync(dir, { bigint: true });
  const name = `runlog-${dev}-${ino}`;
  if (isTaken(name)) return null;
  // connections have no purpose here
  const server = createServer((socket) => socket.destroy());
  server.on("error", () => {
    // seen below
  });
  server.listen({ path: `\0${name}`, exclusive: true }).unref();
  if (!server.listening && isTaken(name)) return null;
  return () => void server.close();
}

function isTaken(name: string): boolean {
  try {
    // some versions of Node fill the name up with zeros, which are listed as more of these
    return new RegExp(`@${name}@*$`, "m").test(readFileSync(SOCKETS, "utf8"));
  } catch {
    return false;
  }
}
