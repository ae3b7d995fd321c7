import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { connect } from "node:net";
import { waitFor } from "../../test/contract/wait-for.ts";

const BINARY = "/usr/sbin/nginx";

/**
 * Starts Debian's nginx with the configuration in `file`. Resolves when it listens at `port` of 127.0.0.1, with a
 * function that ends it. Throws what it printed where it ends before.
 */
export async function spawnNginx(file: string, port: number): Promise<() => Promise<void>> {
  if (!existsSync(BINARY)) throw new Error(`There is no ${BINARY}: apt-get install nginx`);
  const child = spawn(BINARY, ["-c", file, "-g", "daemon off;"], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  // a SIGKILL would leave its workers
  const end = (): void => void child.kill("SIGTERM");
  process.once("exit", end);
  const exited = once(child, "close").finally(() => process.off("exit", end));
  let printed = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    printed += text;
  });
  await waitFor(
    () => {
      if (child.exitCode !== null) throw new Error(`nginx ended; it printed:\n${printed}`);
      return listens(port);
    },
    { what: "nginx" },
  );
  return async () => {
    end();
    await exited;
  };
}

async function listens(port: number): Promise<boolean> {
  const socket = connect(port, "127.0.0.1");
  try {
    await once(socket, "connect");
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
