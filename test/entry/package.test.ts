import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { copyFile, mkdir, readdir, readFile, stat, symlink, writeFile } from "node:fs/promises";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, it } from "vitest";
import { freePort } from "../../scripts/bench/loopback.ts";
import { runBody } from "../contract/session-routes/harness.ts";
import { requestOnce } from "../support/one-request.ts";
import { freshDir, runCli, startServer } from "../support/server-process.ts";
import { waitFor } from "../support/wait-for.ts";

const run = promisify(execFile);
const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const SESSION = "/api/projects/p1/agentic-sessions/s1";
/** It builds everything and installs what the package needs. */
const TIMEOUT_MS = 600_000;

/** Packages that are installed by whoever needs them, each with settings that do. */
const OPTIONAL: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "@aws-sdk/client-s3": { STORAGE_URL: "s3://logs" },
  "@nats-io/transport-node": { STORAGE_URL: "s3://logs", RUNLOG_NATS_URL: "nats://127.0.0.1" },
  "@kubernetes/client-node": { RUNLOG_AUTH: "kubernetes", KUBERNETES_SERVICE_HOST: "127.0.0.1" },
};

/** Bytes of what npm has installed. */
async function weightOf(project: string): Promise<number> {
  const files = await readdir(join(project, "node_modules"), {
    recursive: true,
    withFileTypes: true,
  });
  const sizes = files
    .filter((file) => file.isFile())
    .map((file) => stat(join(file.parentPath, file.name)).then(({ size }) => size));
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
}

/** The README's agent, and its server that embeds the package, run together until they are stopped. */
async function embeds(project: string, clone: string, PATH: string): Promise<void> {
  const readme = await readFile(join(clone, "README.md"), "utf8");
  const blocks = [...readme.matchAll(/^```js\n([^]*?)^```$/gm)].map(([, code = ""]) => code);
  const [agentPort, port] = [String(await freePort()), String(await freePort())];
  const started = ["createServer(async", "createRunlog("].map(async (word, place) => {
    const code = blocks.find((block) => block.includes(word)) ?? "";
    const file = join(project, `readme-${place}.mjs`);
    await writeFile(file, code.replaceAll("8001", agentPort).replaceAll("3000", port));
    return spawn(process.execPath, [file], { cwd: project, env: { PATH }, stdio: "ignore" });
  });
  const [agent, app] = await Promise.all(started);
  const exited = once(app!, "exit");
  try {
    const url = `http://127.0.0.1:${port}/sessions/hello`;
    const sent = { method: "POST", body: runBody("r1") };
    const post = () => requestOnce(`${url}/agui/run`, sent).then(({ status }) => status, String);
    await waitFor(async () => (await post()) === 200, { what: "the README's server" });
    await waitFor(async () => (await requestOnce(`${url}/export`)).text.includes("You said: hi"), {
      what: "the answer of the README's agent",
    });
    app!.kill("SIGTERM");
    expect(await exited).toEqual([0, null]);
  } finally {
    agent!.kill("SIGKILL");
    app!.kill("SIGKILL");
  }
}

/** The files of the repository as a clone has them: nothing that was built. */
async function cloneInto(dir: string): Promise<void> {
  const list = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"];
  const { stdout } = await run("git", list, { cwd: ROOT, maxBuffer: 2 ** 24 });
  for (const name of stdout.split("\0")) {
    if (name === "" || name.startsWith("docs/")) continue;
    await mkdir(dirname(join(dir, name)), { recursive: true });
    await copyFile(join(ROOT, name), join(dir, name));
  }
  await symlink(join(ROOT, "node_modules"), join(dir, "node_modules"));
}

it(
  "npm pack of a fresh clone gives a package that can be installed, and that serves",
  async () => {
    const [clone, out, project] = [await freshDir(), await freshDir(), await freshDir()];
    await cloneInto(clone);
    await run("npm", ["pack", "--pack-destination", out], { cwd: clone });
    const [tarball = "", ...more] = await readdir(out);
    expect(more).toEqual([]);

    await writeFile(join(project, "package.json"), '{"private":true}');
    const install = ["install", "--prefer-offline", "--no-audit", "--no-fund"];
    await run("npm", [...install, join(out, tarball)], { cwd: project });
    const command = [join(project, "node_modules/.bin/runlog")];
    // the one that runs the tests, and not what a machine calls node
    const PATH = [dirname(process.execPath), process.env["PATH"]].join(delimiter);
    const options = { command, cwd: project };
    const file = await readFile(join(clone, "package.json"), "utf8");
    const { version } = JSON.parse(file) as { version: string };
    const printed = await runCli({ ...options, args: ["--version"], env: { PATH } });
    expect(printed).toMatchObject({ code: 0, stdout: `runlog ${version}\n` });

    expect(await weightOf(project)).toBeLessThanOrEqual(15_000_000);
    const { stdout: tree } = await run("npm", ["ls", "--all", "--parseable"], { cwd: project });
    expect(tree.trim().split("\n").length - 1).toBeLessThanOrEqual(15);
    for (const [name, env] of Object.entries(OPTIONAL)) {
      const exit = await runCli({ ...options, env: { ...env, PATH } });
      expect(exit).toMatchObject({ code: 1, stdout: "" });
      expect(exit.stderr).toMatch(
        new RegExp(`^runlog: \\S+ needs the package ${name}, .*: npm install ${name}\\n$`),
      );
    }

    await embeds(project, clone, PATH);

    const server = await startServer({ ...options, env: { PATH } });
    const sent = { method: "POST", body: runBody("r1") };
    expect((await requestOnce(`${server.url}${SESSION}/agui/run`, sent)).status).toBe(200);
    await waitFor(
      async () =>
        (await requestOnce(`${server.url}${SESSION}/export`)).text.includes("RUN_STARTED"),
      { what: "events of the run" },
    );
    server.kill("SIGTERM");
    expect((await server.exited).code).toBe(0);
    const exported = await runCli({
      ...options,
      args: ["export", "p1/s1", "--format", "ndjson"],
      env: { PATH },
    });
    expect(exported.stdout.trim().split("\n").at(-1)).toContain("server-shutdown");
  },
  TIMEOUT_MS,
);
