import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startCommand } from "../../scripts/bench/server-process.ts";
import { SseReader } from "../contract/read-sse.ts";
import { type Container, MEMORY_BYTES, startContainer } from "./container.ts";
import { type Image, openImage } from "./image.ts";
import { serviceLinks } from "./service-links.ts";
import { createTestNetwork, type TestNetwork } from "./network.ts";

const S = "/api/projects/demo/agentic-sessions/hello";
/** As the first start prints it. */
const TOKEN = /^rl_[\w-]{43}$/gm;

let image: Image;
let network: TestNetwork;

beforeAll(async () => {
  network = await createTestNetwork();
  image = await openImage();
});
afterAll(async () => {
  await image?.close();
  await network?.remove();
});

const start = (data: string, more: Partial<Parameters<typeof startContainer>[1]> = {}) =>
  startContainer(image, { network, data, ...more });

const bearer = (token: string): Record<string, string> => ({ Authorization: `Bearer ${token}` });

/** Sends SIGTERM and expects an orderly end. */
async function stop(container: Container): Promise<void> {
  await container.signal("TERM");
  expect(await container.exited, container.stderr()).toMatchObject({ code: 0 });
}

describe("the image, run with nothing but a volume", () => {
  it("prints a token once, serves whoever shows it, and has its sessions after a restart", async () => {
    const data = await image.freshVolume("/data");
    const first = await start(data);
    await first.answers();
    const [token = "", ...more] = first.stdout().match(TOKEN) ?? [];
    expect(more).toEqual([]);
    expect((await first.fetch(S)).status).toBe(401);
    const posted = await first.fetch(`${S}/agui/run`, {
      method: "POST",
      headers: { ...bearer(token), "Content-Type": "application/json" },
      body: JSON.stringify({ messages: [{ id: "m1", role: "user", content: "hello" }] }),
    });
    expect(posted.status).toBe(200);
    const events = await first.fetch(`${S}/agui/events`, { headers: bearer(token) });
    const sse = new SseReader(events.body!);
    const [seen] = await sse.events(1);
    await stop(first);
    await sse.rest();
    const second = await start(data);
    await second.answers();
    expect(second.stdout()).not.toContain("rl_");
    const exported = await second.fetch(`${S}/export?view=raw`, { headers: bearer(token) });
    expect(await exported.text()).toContain(seen?.data);
    expect((await second.fetch(S, { headers: bearer("rl_other") })).status).toBe(401);
    await stop(second);
  });

  it("runs as uid 1000 in 512 MiB, and writes nowhere but in /data", async () => {
    const container = await start(await image.freshVolume("/data"));
    await container.answers();
    expect(await container.exec("id", "-u")).toBe("1000\n");
    const limit = await container.exec(
      "sh",
      "-c",
      "cd /sys/fs/cgroup; cat memory.max 2>/dev/null || cat memory/memory.limit_in_bytes",
    );
    expect(Number(limit)).toBe(MEMORY_BYTES);
    for (const dir of ["/app", "/tmp", "/home/node"])
      expect(await container.exec("touch", `${dir}/x`)).toContain("Read-only file system");
    expect(await container.exec("stat", "-c", "%u", "/data")).toBe("1000\n");
    await stop(container);
  });

  it("has the command line, which works on the server's own list of tokens", async () => {
    const container = await start(await image.freshVolume("/data"));
    await container.answers();
    const added = await container.exec("runlog", "token", "add", "ann", "--right", "read");
    expect(added.match(TOKEN)).toHaveLength(1);
    expect(await container.exec("runlog", "token", "list")).toBe(
      "admin  admin  *\nann    read   *\n",
    );
    await stop(container);
  });

  it("starts among the variables that a kubelet sets for Services", async () => {
    const env = serviceLinks(["kubernetes", "runlog", "runlog-api", "runlog-metrics"]);
    expect(env["RUNLOG_PORT"]).toBe("tcp://10.96.0.7:8080");
    const container = await start(await image.freshVolume("/data"), { env });
    await container.answers();
    await stop(container);
  });

  it("does not serve everybody unless somebody has said so", async () => {
    const data = await image.freshVolume("/data");
    const closed = await start(data, { env: { RUNLOG_AUTH: "none" } });
    expect(await closed.exited).toMatchObject({ code: 2 });
    expect(closed.stderr()).toContain("RUNLOG_ALLOW_PUBLIC=1");
    const open = await start(data, { env: { RUNLOG_AUTH: "none", RUNLOG_ALLOW_PUBLIC: "1" } });
    await open.answers();
    expect((await open.fetch("/api/projects/demo/agentic-sessions")).status).toBe(200);
    await stop(open);
  });
});

describe("what is in the image", () => {
  it("is said by its labels, and starts as npm start does", async () => {
    const { version, license } = JSON.parse(await readFile("package.json", "utf8"));
    expect(image.config.Labels).toMatchObject({
      "org.opencontainers.image.title": "runlog",
      "org.opencontainers.image.version": version,
      "org.opencontainers.image.licenses": license,
      "org.opencontainers.image.revision": expect.stringMatching(/^[0-9a-f]{40}$/),
    });
    expect(image.config.Cmd.join(" ")).toBe(await startCommand());
    expect(image.hasHealthcheck).toBe(false);
  });

  it("is what the list of its parts says, of the lock file and nothing that builds", async () => {
    const { packages: locked } = JSON.parse(await readFile("package-lock.json", "utf8"));
    const sbom = JSON.parse(await readFile(join(image.root, "app/sbom.spdx.json"), "utf8"));
    const listed = new Map<string, string>();
    for (const { packageFileName, versionInfo } of sbom.packages)
      if (packageFileName !== "") listed.set(packageFileName, versionInfo);
    for (const [path, version] of listed) expect(locked[path]?.version, path).toBe(version);
    const installed = await packagesIn(join(image.root, "app"), "node_modules");
    expect(installed.toSorted()).toEqual([...listed.keys()].toSorted());
    for (const name of ["@aws-sdk/client-s3", "@kubernetes/client-node", "@nats-io/transport-node"])
      expect(installed).toContain(`node_modules/${name}`);
    for (const name of ["typescript", "vitest", "wrangler", "react", "@ag-ui/client", "rxjs"])
      expect(installed).not.toContain(`node_modules/${name}`);
  });
});

/** The paths of all packages below `dir`, from `root` on. */
async function packagesIn(root: string, dir: string): Promise<string[]> {
  const names = await readdir(join(root, dir)).catch(() => []);
  const found = names.map(async (name): Promise<string[]> => {
    const path = `${dir}/${name}`;
    if (name.startsWith(".")) return [];
    if (name.startsWith("@")) return packagesIn(root, path);
    return [path, ...(await packagesIn(root, `${path}/node_modules`))];
  });
  return (await Promise.all(found)).flat();
}
