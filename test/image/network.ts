import { execFile } from "node:child_process";
import { promisify } from "node:util";

const run = promisify(execFile);
/** Of the block for benchmarks of networks (RFC 2544), which is nobody's. */
const BLOCK = "198.18";

/** A network of this machine and one other host, which a container is. */
export interface TestNetwork {
  /** Path of the namespace of the other host. */
  readonly path: string;
  /** Address of the other host. */
  readonly address: string;
  remove(): Promise<void>;
}

/** Makes a network namespace with an address that only this machine reaches. Linux, root. */
export async function createTestNetwork(): Promise<TestNetwork> {
  const name = `runlog-${process.pid}`;
  // a name of a device has 15 characters at most
  const [outer, inner] = [`rl${process.pid}a`, `rl${process.pid}b`];
  const prefix = `${BLOCK}.${(process.pid >> 6) & 255}`;
  const first = (process.pid & 63) * 4;
  const ip = (...args: readonly string[]): Promise<unknown> => run("ip", args);
  await ip("netns", "add", name);
  await ip("link", "add", outer, "type", "veth", "peer", "name", inner, "netns", name);
  await ip("address", "add", `${prefix}.${first + 1}/30`, "dev", outer);
  await ip("link", "set", outer, "up");
  await ip("-n", name, "address", "add", `${prefix}.${first + 2}/30`, "dev", inner);
  await ip("-n", name, "link", "set", inner, "up");
  await ip("-n", name, "link", "set", "lo", "up");
  return {
    path: `/run/netns/${name}`,
    address: `${prefix}.${first + 2}`,
    // the pair of devices goes with it
    remove: async () => void (await ip("netns", "delete", name)),
  };
}
