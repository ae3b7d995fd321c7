import { readFile } from "node:fs/promises";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { createDiskLogStore } from "../../adapters/disk/index.ts";
import { diskError } from "../../adapters/disk/errors.ts";
import { createS3Errors } from "../../adapters/s3/errors.ts";
import { explain } from "../../src/entry/explain.ts";
import { runBody } from "../contract/session-routes/harness.ts";
import { freshDir, runCli, startCli } from "../support/server-process.ts";

const ROOT = new URL("../../", import.meta.url);
/** Standard output becomes a pipe whose reader has gone. */
const UNREAD = "mkfifo p; true < p & exec > p; wait $!";

async function storeWithSession(): Promise<string> {
  const dir = await freshDir();
  const store = createDiskLogStore({ dir });
  const key = { project: "p1", session: "s1" };
  const { logId } = await store.create(key);
  const line = new TextEncoder().encode('{"type":"CUSTOM","name":"n","value":1}\n');
  await store.append(key, line, { logId, expectedEnd: 0 });
  await store.close();
  return dir;
}

describe("what a command prints", () => {
  it.each([
    ["--help"],
    ["verify"],
    ["verify --json"],
    ["export p1/s1"],
    ["export p1/s1 --format markdown"],
  ])("%s ends without a word when its reader has gone", async (command) => {
    const env = { STORAGE_URL: `file:${await storeWithSession()}` };
    const cwd = await freshDir();
    const exit = await runCli({ args: command.split(" "), env, before: UNREAD, cwd });
    expect(exit).toEqual({ code: 141, signal: null, stdout: "", stderr: "" });
  });

  it("is not lost on a full disk without a word", async () => {
    const env = { STORAGE_URL: `file:${await storeWithSession()}` };
    const exit = await runCli({ args: ["export", "p1/s1"], env, before: "exec > /dev/full" });
    expect(exit).toMatchObject({ code: 1, stdout: "" });
    expect(exit.stderr).toMatch(/^runlog: The output cannot be written: ENOSPC.*\n$/);
  });

  it("to a directory that cannot be is refused in a line", async () => {
    const env = { STORAGE_URL: `file:${await storeWithSession()}` };
    const exit = await runCli({ args: ["export", "-o", "/dev/null/out"], env });
    expect(exit).toMatchObject({ code: 1, stdout: "" });
    expect(exit.stderr).toMatch(
      /^runlog: There is a file where a directory has to be: .*'\/dev\/null'.*\n$/,
    );
  });
});

it("a Node without node:sqlite prints which one is needed, in one line", async () => {
  const { engines } = JSON.parse(await readFile(new URL("package.json", ROOT), "utf8")) as {
    engines: { node: string };
  };
  const exit = await runCli({ env: { NODE_OPTIONS: "--no-experimental-sqlite" } });
  expect(exit).toMatchObject({ code: 1, stdout: "" });
  const needed = engines.node.replace(">=", "");
  expect(exit.stderr).toBe(
    `runlog: Node.js ${needed} or newer is needed, with node:sqlite, and this is ${process.version}\n`,
  );
});

it("a program of its own that stops a server in mid-run comes to its end", async () => {
  const code = `
    import { request } from "node:http";
    import { start } from ${JSON.stringify(new URL("src/entry/node.ts", ROOT).href)};
    import { parseConfig } from ${JSON.stringify(new URL("src/config.ts", ROOT).href)};
    const server = await start(parseConfig({ PORT: "0", STORAGE_URL: "memory:", RUNLOG_DRAIN: "1s" }));
    const sent = request(server.url + "/api/projects/p/agentic-sessions/s/agui/run", {
      method: "POST", agent: false, headers: { "Content-Type": "application/json" },
    });
    sent.end(${JSON.stringify(runBody("r1"))});
    await new Promise((resolve) => sent.on("response", (answer) => answer.resume()).on("close", resolve));
    const { orphanedRuns } = await server.close();
    console.log("closed", orphanedRuns);
  `;
  const command = [process.execPath, "--input-type=module", "-e", code];
  const cli = startCli({ command });
  expect(await cli.exited).toEqual({ code: 0, signal: null });
  expect(cli.stdout()).toBe("closed 0\n");
});

describe("what is said of a failure", () => {
  const systemError = (code: string, text: string, path: string): Error =>
    Object.assign(new Error(`${code}: ${text}, mkdir '${path}'`), { code, syscall: "mkdir", path });

  it("names whose the files are that this user may not use, and what helps", () => {
    const path = join(tmpdir(), "never-made", "projects");
    const said = explain(diskError(systemError("EACCES", "permission denied", path)));
    expect(said).toContain(path);
    expect(said).toContain(`'${tmpdir()}' belongs to uid `);
    expect(said).toContain(`this process runs as uid ${userInfo().uid}`);
    expect(said).toMatch(/: (run it as uid \d+, or chown -R \d+|chmod) /);
  });

  it.each(["ENOSPC", "EDQUOT", "EMFILE", "EROFS", "EIO", "ENOTDIR", "ESTALE"])(
    "names the file of an %s, also where the system does not",
    (code) => {
      expect(diskError(systemError(code, "text", "/data/x")).message).toContain("mkdir '/data/x'");
      const nameless = Object.assign(new Error(`${code}: text, write`), { code, syscall: "write" });
      expect(diskError(nameless, "/data/y").message).toContain("write of '/data/y')");
    },
  );

  it.each([
    [{ name: "Error", message: "Not S3", $metadata: { httpStatusCode: 400 } }, "HTTP 400 Not S3"],
    [
      { name: "NoSuchBucket", message: "gone", $metadata: { httpStatusCode: 404 } },
      "RUNLOG_S3_CREATE_BUCKET=1",
    ],
    [
      { name: "AccessDenied", message: "no", $metadata: { httpStatusCode: 403 } },
      "HTTP 403 AccessDenied no",
    ],
    [{ name: "PermanentRedirect", message: "x", $metadata: { httpStatusCode: 301 } }, "AWS_REGION"],
    [{ name: "CredentialsProviderError", message: "none" }, "AWS_ACCESS_KEY_ID"],
    [
      { name: "Error", code: "ECONNREFUSED", message: "connect ECONNREFUSED ::1:9" },
      "connect ECONNREFUSED ::1:9",
    ],
    [
      {
        name: "AggregateError",
        code: "ECONNREFUSED",
        message: "",
        errors: [new Error("connect 1")],
      },
      "connect 1",
    ],
    [
      { name: "InternalError", message: "", $metadata: { httpStatusCode: 500 } },
      "HTTP 500 InternalError",
    ],
  ])("names endpoint, bucket and answer of an object store: %j", (cause, detail) => {
    const said = explain(createS3Errors("my-bucket", "http://s3.test:9000").of(cause));
    expect(said).toContain("the object store at http://s3.test:9000, bucket my-bucket");
    expect(said).toContain(detail);
    expect(said).not.toContain("\n");
  });
});
