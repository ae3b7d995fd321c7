import { spawn } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { runBody } from "../contract/session-routes/harness.ts";
import { freshDir, freshRunner, sessionOf, startServer } from "../support/server-process.ts";
import { waitFor } from "../support/wait-for.ts";

/** Starts the runner that PROTOCOL 18 shows, as a process of its own; resolves with its address. */
async function startShownRunner(): Promise<string> {
  const protocol = await readFile(new URL("../../PROTOCOL.md", import.meta.url), "utf8");
  const [, source = ""] = /## 18\. [^]*?```js\n([^]*?)```/.exec(protocol) ?? [];
  const path = join(await freshDir(), "runner.mjs");
  await writeFile(path, source);
  const env = { PATH: process.env["PATH"], PORT: "0", PACE: "60" };
  const child = spawn(process.execPath, [path], { env, stdio: ["ignore", "pipe", "inherit"] });
  onTestFinished(() => void child.kill("SIGKILL"));
  let said = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    said += text;
  });
  const [, port] = await waitFor(() => /listens on (\d+)/.exec(said), { what: "the runner" });
  return `http://127.0.0.1:${port}/`;
}

it("the runner that PROTOCOL shows survives kill -9 and a stop of the server, and forgets what is acknowledged", async () => {
  const address = await startShownRunner();
  const env = { STORAGE_URL: `file:${await freshDir()}`, RUNNER_URL: address };
  const nobody = await freshRunner();
  let server = await startServer({ env });
  await sessionOf(server, nobody).run(runBody("r1"));
  for (const [count, signal] of [
    [4, "SIGKILL"],
    [7, "SIGTERM"],
  ] as const) {
    const session = sessionOf(server, nobody);
    await waitFor(async () => (await session.lines()).length >= count);
    server.kill(signal);
    await server.exited;
    server = await startServer({ env });
  }
  const session = sessionOf(server, nobody);
  await session.settled("r1");
  const events = (await session.lines()).map((line) => JSON.parse(line) as Record<string, unknown>);
  const deltas = events.flatMap(({ delta }) => (typeof delta === "string" ? [delta] : []));
  expect(deltas.join("")).toBe("1 2 3 4 5 6 7 8 9 10 ");
  expect(events.slice(1).map(({ type }) => type)).toEqual([
    "RUN_STARTED",
    "TEXT_MESSAGE_START",
    ...deltas.map(() => "TEXT_MESSAGE_CONTENT"),
    "TEXT_MESSAGE_END",
    "RUN_FINISHED",
  ]);
  const status = async (): Promise<number> => (await fetch(`${address}runs/r1/events`)).status;
  await waitFor(async () => (await status()) === 404, { what: "a runner that has forgotten it" });
});
