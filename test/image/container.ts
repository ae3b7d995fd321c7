import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { onTestFinished } from "vitest";
import { type CliProcess, freshDir, startCli } from "../support/server-process.ts";
import { waitFor } from "../support/wait-for.ts";
import type { Image } from "./image.ts";
import type { TestNetwork } from "./network.ts";

const run = promisify(execFile);
/** The limit of the manifests. */
export const MEMORY_BYTES = 512 * 1024 * 1024;

export interface ContainerOptions {
  readonly network: TestNetwork;
  /** Path of the volume at /data. */
  readonly data: string;
  /** Beyond, or in place of, what the image has. */
  readonly env?: Readonly<Record<string, string>>;
  /** In place of the image's command. */
  readonly args?: readonly string[];
}

/** A container of an image; `kill` and `rss` of the process are those of what runs it. */
export interface Container extends Pick<CliProcess, "stdout" | "stderr" | "exited"> {
  /** Where its published port leads. */
  readonly url: string;
  fetch(path: string, init?: RequestInit): Promise<Response>;
  /** Resolves when it answers, rejects with what it has printed when it ends before. */
  answers(): Promise<void>;
  /** Sends a signal to its first process. */
  signal(name: "TERM" | "KILL"): Promise<void>;
  /** What a command in it prints, whatever it ends with. */
  exec(...command: readonly string[]): Promise<string>;
}

/**
 * Runs an image as a kubelet would with the manifests: its user, no capability, a root that cannot be
 * written, 512 MiB, a network of its own. By runc, which is what a container runtime starts. It ends with the test.
 */
export async function startContainer(image: Image, options: ContainerOptions): Promise<Container> {
  const { network, data } = options;
  const id = `runlog-test-${randomBytes(6).toString("hex")}`;
  const bundle = await freshDir();
  await writeFile(join(bundle, "config.json"), JSON.stringify(specOf(id, image, options)));
  const runc = (...args: readonly string[]) => run("runc", args);
  const { config } = image;
  const cli = startCli({ command: ["runc", "run", "--bundle", bundle, id] });
  onTestFinished(async () => void (await runc("delete", "--force", id).catch(() => {})));
  let hasEnded = false;
  void cli.exited.finally(() => {
    hasEnded = true;
  });
  const [port] = Object.keys(config.ExposedPorts).map((each) => Number.parseInt(each, 10));
  const url = `http://${network.address}:${port}`;
  const request = (path: string, init?: RequestInit): Promise<Response> =>
    fetch(`${url}${path}`, init);
  return {
    ...cli,
    url,
    fetch: request,
    async answers() {
      const isReady = async (): Promise<boolean> => {
        if (hasEnded)
          throw new Error(`The container of ${data} has ended:\n${cli.stdout()}${cli.stderr()}`);
        return (await request("/ready").catch(() => null))?.status === 200;
      };
      await waitFor(isReady, { what: "the container" });
    },
    signal: async (name) => void (await runc("kill", id, name)),
    async exec(...command) {
      const { stdout, stderr } = await runc("exec", id, ...command).catch((error) => error);
      return `${stdout}${stderr}`;
    },
  };
}

/** What runc is told (OCI runtime specification). */
function specOf(
  id: string,
  { config, root }: Image,
  { network, data, env = {}, args = config.Cmd }: ContainerOptions,
): object {
  const user = Number(config.User);
  const own = Object.keys(env);
  const fromImage = config.Env.filter((each) => !own.includes(each.split("=", 1)[0] ?? ""));
  const given = Object.entries(env).map(([name, value]) => `${name}=${value}`);
  const [volume = ""] = Object.keys(config.Volumes);
  return {
    ociVersion: "1.0.2",
    process: {
      user: { uid: user, gid: user },
      args,
      env: [...fromImage, ...given],
      cwd: config.WorkingDir,
      capabilities: { bounding: [], effective: [], permitted: [] },
      noNewPrivileges: true,
    },
    root: { path: root, readonly: true },
    hostname: id,
    mounts: [
      { destination: "/proc", type: "proc", source: "proc" },
      { destination: "/dev", type: "tmpfs", source: "tmpfs", options: ["nosuid", "mode=755"] },
      {
        destination: "/sys",
        type: "sysfs",
        source: "sysfs",
        options: ["nosuid", "noexec", "nodev", "ro"],
      },
      {
        destination: "/sys/fs/cgroup",
        type: "cgroup",
        source: "cgroup",
        options: ["nosuid", "noexec", "nodev", "ro"],
      },
      { destination: volume, type: "bind", source: data, options: ["rbind", "rw"] },
    ],
    linux: {
      cgroupsPath: `/${id}`,
      resources: { memory: { limit: MEMORY_BYTES, swap: MEMORY_BYTES } },
      namespaces: [
        { type: "pid" },
        { type: "ipc" },
        { type: "uts" },
        { type: "mount" },
        { type: "cgroup" },
        { type: "network", path: network.path },
      ],
    },
  };
}
