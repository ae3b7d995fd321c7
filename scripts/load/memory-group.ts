import { existsSync, rmdirSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** A group of processes that the kernel gives no more memory than a limit (Linux, root). */
export interface MemoryGroup {
  /** The command that runs `command` in the group. */
  command(command: readonly string[]): string[];
  /** The most memory that the group had, page cache included, in bytes. */
  peakBytes(): Promise<number>;
  /** How many of its processes the kernel killed for want of memory. */
  oomKills(): Promise<number>;
  /** Removes the group once its processes have ended. */
  remove(): void;
}

/** The files of the two versions of control groups. */
interface Version {
  readonly root: string;
  readonly limit: string;
  readonly peak: string;
  readonly events: string;
}

const V1: Version = {
  root: "/sys/fs/cgroup/memory",
  limit: "memory.limit_in_bytes",
  peak: "memory.max_usage_in_bytes",
  events: "memory.oom_control",
};
const V2: Version = {
  root: "/sys/fs/cgroup",
  limit: "memory.max",
  peak: "memory.peak",
  events: "memory.events",
};

/**
 * Makes a group, or resolves with null where the machine has none or lets nobody make one. A process that
 * makes several tells them apart by `name`.
 */
export async function createMemoryGroup(
  limitBytes: number,
  name = "",
): Promise<MemoryGroup | null> {
  const version = await findVersion();
  if (version === null) return null;
  const dir = join(version.root, `runlog-${process.pid}${name}`);
  try {
    await mkdir(dir);
    await writeFile(join(dir, version.limit), String(limitBytes));
    if (version === V2) await writeFile(join(dir, "memory.swap.max"), "0").catch(() => {});
  } catch {
    return null;
  }
  const read = (file: string): Promise<string> => readFile(join(dir, file), "utf8");
  return {
    command: (command) => ["sh", "-c", 'echo $$ >"$0/cgroup.procs" && exec "$@"', dir, ...command],
    peakBytes: async () => Number(await read(version.peak)),
    oomKills: async () => Number(/^oom_kill (\d+)/m.exec(await read(version.events))?.[1] ?? 0),
    remove: () => rmdirSync(dir),
  };
}

async function findVersion(): Promise<Version | null> {
  if (existsSync(join(V1.root, V1.limit))) return V1;
  const controllers = await readFile(join(V2.root, "cgroup.controllers"), "utf8").catch(() => "");
  if (!/\bmemory\b/.test(controllers)) return null;
  await writeFile(join(V2.root, "cgroup.subtree_control"), "+memory").catch(() => {});
  return V2;
}
