import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { copyFile, mkdir, readdir, readFile, stat, symlink, writeFile } from "node:fs/promises";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, it } from "vitest";
import { freePort } from "../../scripts/bench/loopback.ts";
import { runBody } from "../contract/session-routes/harness.ts";
import { requestOnce } from "../support/one-request.ts";
import { blocksOf, replaced } from "../support/page-blocks.ts";
import {
  freshDir,
  type ProcessOptions,
  runCli,
  startCli,
  startServer,
} from "../support/server-process.ts";
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

/** Code of a page, written to a file beside the installed package. */
async function example(project: string, page: string, word: string): Promise<string> {
  const blocks = await blocksOf(page, "js");
  const file = join(project, `${page.replaceAll(/\W/g, "-")}-${word}.mjs`);
  await writeFile(file, blocks.find((block) => block.includes(word)) ?? "");
  return file;
}

/** Runs `files` with other ports than those that they name, until `use` is done and the last one has been stopped. */
async function running(
  files: readonly string[],
  { ports, PATH }: { readonly ports: Readonly<Record<string, string>>; readonly PATH: string },
  use: () => Promise<void>,
): Promise<void> {
  const processes: ChildProcess[] = [];
  try {
    for (const file of files) {
      const code = await readFile(file, "utf8");
      await writeFile(
        file,
        code.replaceAll(/\b(?:8001|3000)\b/g, (port) => ports[port] ?? port),
      );
      const options = { cwd: dirname(file), env: { PATH }, stdio: "ignore" } as const;
      processes.push(spawn(process.execPath, [file], options));
    }
    await use();
    const last = processes.at(-1)!;
    const exited = once(last, "exit");
    last.kill("SIGTERM");
    expect(await exited).toEqual([0, null]);
  } finally {
    for (const each of processes) each.kill("SIGKILL");
  }
}

/** The pages' servers that embed the package, the README's with its agent. */
async function embeds(project: string, PATH: string): Promise<void> {
  const ports = { "8001": String(await freePort()), "3000": String(await freePort()) };
  const at = `http://127.0.0.1:${ports["3000"]}`;
  const json = { "Content-Type": "application/json" };
  const post = (url: string, headers: Record<string, string> = json): Promise<number | null> =>
    fetch(url, { method: "POST", body: runBody("r1"), headers }).then(
      ({ status }) => status,
      () => null,
    );
  const agent = await example(project, "README.md", "createServer(async");
  const plain = await example(project, "README.md", "createRunlog(");
  await running([agent, plain], { ports, PATH }, async () => {
    const url = `${at}/sessions/hello`;
    await waitFor(async () => (await post(`${url}/agui/run`)) === 200, { what: "its server" });
    await waitFor(async () => (await requestOnce(`${url}/export`)).text.includes("You said: hi"), {
      what: "the answer of its agent",
    });
  });
  const own = await example(project, "docs/embedding.md", "authorize");
  await running([own], { ports, PATH }, async () => {
    const [mine, others] = [`${at}/projects/p/sessions/ann-1`, `${at}/projects/p/sessions/bob-1`];
    await waitFor(async () => (await post(`${mine}/agui/run`)) === 401, { what: "its server" });
    const Authorization = "Bearer secret-of-ann";
    expect(await post(`${others}/agui/run`, { ...json, Authorization })).toBe(403);
    expect(await post(`${mine}/agui/run`, { ...json, Authorization })).toBe(200);
    const exported = () => fetch(`${mine}/export`, { headers: { Authorization } });
    await waitFor(async () => (await (await exported()).text()).includes("You said: hi"), {
      what: "the answer of its agent",
    });
  });
}

/** The page of EventSource, in Node: it shows what comes, and goes on after a kill of the server. */
async function readsByEventSource(options: ProcessOptions): Promise<void> {
  const project = options.cwd ?? "";
  const first = await startServer(options);
  const port = new URL(first.url).port;
  const [code = ""] = await blocksOf("docs/guides/event-source.md", "js");
  const file = join(project, "event-source.mjs");
  // Node does not wait for an EventSource that is about to connect again
  const show = "const show = (text) => process.stdout.write(text);\nsetInterval(() => {}, 1000);";
  await writeFile(file, `${show}\n${replaced(code, "8080", port)}\nawait send("Hello");\n`);
  const command = [process.execPath, "--experimental-eventsource", file];
  const page = startCli({ ...options, command });
  await waitFor(() => page.stdout().length > 20, { what: `text in the page; ${page.stderr()}` });
  first.kill("SIGKILL");
  await first.exited;
  const shown = page.stdout();
  const second = await startServer({ ...options, env: { ...options.env, PORT: port } });
  await waitFor(() => page.stdout().includes("[RUN_ERROR]"), { what: "the end of the run" });
  expect(page.stdout().startsWith(shown)).toBe(true);
  // nothing came twice: what a page that is loaded now shows is the same
  const exported = "/api/projects/demo/agentic-sessions/hello/export?view=raw&format=ndjson";
  const { text: lines } = await requestOnce(`${second.url}${exported}`);
  const text = lines
    .trimEnd()
    .split("\n")
    .map((line) => {
      const { delta, type } = JSON.parse(line) as { type: string; delta?: string };
      return type === "TEXT_MESSAGE_CONTENT" ? delta : "";
    });
  expect(page.stdout()).toBe(`${text.join("")}\n[RUN_ERROR]\n`);
  page.kill();
  second.kill("SIGTERM");
  await second.exited;
}

/** The page of Workers, by `wrangler dev` on this machine. */
async function servesFromWorker(project: string, PATH: string): Promise<void> {
  const page = "docs/guides/cloudflare-workers.md";
  const dir = join(project, "worker");
  await mkdir(dir);
  const [code = ""] = await blocksOf(page, "js");
  const [settings = ""] = await blocksOf(page, "toml");
  const [shell = ""] = await blocksOf(page, "sh");
  await writeFile(join(dir, "worker.js"), code);
  await writeFile(join(dir, "wrangler.toml"), settings);
  const port = String(await freePort());
  const flags = ["--ip", "127.0.0.1", "--port", port, "--inspector-port", "0"];
  const env = { PATH, HOME: dir, WRANGLER_SEND_METRICS: "false", CI: "1" };
  const command = [join(ROOT, "node_modules/.bin/wrangler"), "dev", "--local", ...flags];
  const worker = startCli({ command, cwd: dir, env });
  const at = `http://127.0.0.1:${port}`;
  const session = `${at}/api/projects/demo/agentic-sessions/hello`;
  try {
    const status = (): Promise<number | null> =>
      fetch(`${at}/health`).then(
        (response) => response.status,
        () => null,
      );
    await waitFor(async () => (await status()) === 200, { what: "the worker" });
    expect(await (await fetch(at)).text()).toBe("The rest of your site");
    await run("bash", ["-c", replaced(shell, "localhost:8787", `127.0.0.1:${port}`)]);
    await waitFor(
      async () => (await (await fetch(`${session}/export`)).text()).includes("TEXT_MESSAGE"),
      { what: "events of the run" },
    );
  } catch (error) {
    throw new Error(`${worker.stdout()}${worker.stderr()}`, { cause: error });
  } finally {
    // wrangler ends what it has started
    worker.kill("SIGTERM");
    await worker.exited;
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

    await embeds(project, PATH);
    await readsByEventSource({ ...options, env: { PATH, STORAGE_URL: "file:./page" } });
    await servesFromWorker(project, PATH);

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
