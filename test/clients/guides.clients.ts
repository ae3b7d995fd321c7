import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { request } from "node:https";
import { mkdir, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { HttpAgent } from "@ag-ui/client";
import { expect, it, onTestFinished, vi } from "vitest";
import { freePort } from "../../scripts/bench/loopback.ts";
import { finishedEvent, runBody, startedEvent, tell } from "../contract/session-routes/harness.ts";
import { blocksOf, replaced } from "../support/page-blocks.ts";
import {
  freshDir,
  freshRunner,
  type ServerProcess,
  startServer,
} from "../support/server-process.ts";
import { waitFor } from "../support/wait-for.ts";
import { startAgent } from "./support/agent-process.ts";
import { openPage, servePage, startBrowser } from "./support/browser.ts";
import { startGuidesNginx } from "./support/nginx.ts";
import { startPlayedSession } from "./support/played-run.ts";
import { startRunlog } from "./support/runlog.ts";

// clients say what they think of a run, for each event of it
for (const method of ["warn", "error", "debug"] as const)
  vi.spyOn(console, method).mockImplementation(() => {});

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const HERE = fileURLToPath(new URL(".", import.meta.url));
/** These are runlog's own, or come with it; others are beside this file. */
const OURS: Readonly<Record<string, string>> = {
  runlog: ROOT,
  hono: join(ROOT, "node_modules/hono"),
  "@hono/node-server": join(ROOT, "node_modules/@hono/node-server"),
};

/** A directory with `code` in a file, and the packages that it imports as npm would have installed them. */
async function projectOf(name: string, code: string): Promise<string> {
  const dir = await freshDir();
  for (const [, from = ""] of code.matchAll(/from "([^".][^"]*)"/g)) {
    const [first = "", second = ""] = from.split("/");
    const installed = first.startsWith("@") ? `${first}/${second}` : first;
    const place = join(dir, "node_modules", installed);
    await mkdir(dirname(place), { recursive: true });
    const target = OURS[installed] ?? join(HERE, "node_modules", installed);
    await symlink(target, place).catch((error: unknown) => {
      if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
    });
  }
  await writeFile(join(dir, name), code);
  return join(dir, name);
}

/** Runs a guide's server until the test is over; resolves with where it listens. */
async function serveGuide(
  page: string,
  files: Readonly<Record<string, string>> = {},
  env: Readonly<Record<string, string>> = {},
): Promise<string> {
  const port = String(await freePort());
  const [code = ""] = await blocksOf(page, "js");
  const file = await projectOf("server.mjs", replaced(code, "3000", port));
  for (const [name, text] of Object.entries(files))
    await writeFile(join(dirname(file), name), text);
  const child = spawn(process.execPath, [file], {
    cwd: dirname(file),
    stdio: ["ignore", "ignore", "pipe"],
    env: { PATH: process.env["PATH"], LANGSMITH_TRACING: "false", DO_NOT_TRACK: "1", ...env },
  });
  const gone = once(child, "close");
  onTestFinished(async () => {
    child.kill();
    await gone;
  });
  let printed = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    printed += text;
  });
  await waitFor(
    async () => {
      if (child.exitCode !== null) throw new Error(`The guide's server ended:\n${printed}`);
      return fetch(`http://127.0.0.1:${port}/health`).then(
        ({ ok }) => ok,
        () => false,
      );
    },
    { what: "the guide's server" },
  );
  return `http://127.0.0.1:${port}`;
}

/** What a client and one that comes later have of a conversation about the weather. */
async function askForWeather(server: string): Promise<void> {
  const threadId = crypto.randomUUID();
  const session = `${server}/api/projects/demo/agentic-sessions/${threadId}`;
  const client = new HttpAgent({ url: `${session}/agui/run`, threadId });
  client.addMessage({ id: "u1", role: "user", content: "what is the weather?" });
  await client.runAgent();
  expect(client.messages.map(({ role }) => role)).toEqual(
    expect.arrayContaining(["user", "tool", "assistant"]),
  );
  expect(JSON.stringify(client.messages)).toContain("That gave");
  const viewer = new HttpAgent({ url: `${session}/agui/connect`, threadId });
  await viewer.runAgent();
  expect(viewer.messages).toEqual(client.messages);
}

it("the guide to LangGraph serves a graph's conversation", async () => {
  const langgraph = (await startAgent("langgraph-server")).slice(0, -1);
  await askForWeather(
    await serveGuide("docs/guides/langgraph.md", {}, { LANGGRAPH_URL: langgraph }),
  );
});

it("the guide to Mastra serves an agent's conversation", async () => {
  const mock = new URL("runners/mock-model.ts", import.meta.url).href;
  const model = `import { createMockModel } from "${mock}";\nexport const model = createMockModel();\n`;
  await askForWeather(await serveGuide("docs/guides/mastra.md", { "model.mjs": model }));
});

it("the guide to assistant-ui is a page that says, shows and stops", async () => {
  const [code = ""] = await blocksOf("docs/guides/assistant-ui.md", "tsx");
  const browser = await startBrowser();
  onTestFinished(() => browser.close());
  // what JSX becomes imports it
  const file = await projectOf("page.tsx", `${code}import {} from "react";\n`);
  const { origin } = await servePage(file);
  const session = await startPlayedSession({ RUNLOG_CORS_ORIGINS: origin });
  const query = new URLSearchParams({ session: session.runlog.sessionUrl("s1") });
  const { page, failures } = await openPage(browser, `${origin}/?${query}`);
  const say = async (text: string): Promise<void> => {
    await page.getByPlaceholder("Say something").fill(text);
    await page.getByRole("button", { name: "Send" }).click();
  };
  const first = await session.run(() => say("Hello"));
  await first.finish(
    { type: "TEXT_MESSAGE_START", messageId: "a1", role: "assistant" },
    { type: "TEXT_MESSAGE_CONTENT", messageId: "a1", delta: "Good morning" },
    { type: "TEXT_MESSAGE_END", messageId: "a1" },
    { type: "RUN_FINISHED" },
  );
  await page.getByText("Good morning").waitFor();
  const second = await session.run(() => say("And now?"));
  await page.getByRole("button", { name: "Stop" }).click();
  await second.closed;
  await waitFor(async () => (await session.client.lines()).at(-1)?.includes("cancelled"));
  expect(failures).toEqual([]);
});

it("the guide to CopilotKit is a page that says and shows, and shows the same when it is loaded again", async () => {
  const [code = ""] = await blocksOf("docs/guides/copilotkit.md", "tsx");
  const browser = await startBrowser();
  onTestFinished(() => browser.close());
  const file = await projectOf("page.tsx", `${code}import {} from "react";\n`);
  const { origin } = await servePage(file);
  const session = await startPlayedSession({ RUNLOG_CORS_ORIGINS: origin });
  const query = new URLSearchParams({ server: session.runlog.url });
  const { page } = await openPage(browser, `${origin}/?${query}`);
  const isIdle = (): Promise<void> => page.locator('[data-copilot-running="false"]').waitFor();
  await isIdle();
  const run = await session.run(async () => {
    await page.getByTestId("copilot-chat-textarea").fill("Hello");
    await page.getByTestId("copilot-send-button").click();
  });
  await run.finish(
    { type: "TEXT_MESSAGE_START", messageId: "a1", role: "assistant" },
    { type: "TEXT_MESSAGE_CONTENT", messageId: "a1", delta: "Good morning" },
    { type: "TEXT_MESSAGE_END", messageId: "a1" },
    { type: "RUN_FINISHED" },
  );
  await page.getByText("Good morning").waitFor();
  await page.reload();
  await page.getByText("Good morning").waitFor();
});

it("the guide to TanStack AI is a chat that says and shows, and shows the same when it is opened again", async () => {
  const [code = ""] = await blocksOf("docs/guides/tanstack-ai.md", "js");
  const session = await startPlayedSession();
  const place = /http:\/\/127\.0\.0\.1:8080[^"]+/g;
  const chat = replaced(code, place, session.runlog.sessionUrl("hello"));
  const show = "const show = (messages) => console.log(JSON.stringify(messages));\n";
  const open = async (more = ""): Promise<() => string> => {
    const file = await projectOf("chat.mjs", `${show}${chat}${more}`);
    const child = spawn(process.execPath, [file], { stdio: ["ignore", "pipe", "inherit"] });
    onTestFinished(() => void child.kill());
    let printed = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      printed += text;
    });
    return () => printed;
  };
  let first = (): string => "";
  const run = await session.run(async () => {
    first = await open('await chat.sendMessage("Hello");\n');
  });
  await run.finish(
    { type: "TEXT_MESSAGE_START", messageId: "a1", role: "assistant" },
    { type: "TEXT_MESSAGE_CONTENT", messageId: "a1", delta: "Good morning" },
    { type: "TEXT_MESSAGE_END", messageId: "a1" },
    { type: "RUN_FINISHED" },
  );
  await waitFor(() => first().includes("Good morning"), { what: "the answer" });
  const second = await open();
  await waitFor(() => /Hello.*Good morning/.test(second()), { what: "the history" });
});

it("the guide to nginx passes a run and its events on while they come, over HTTPS", async () => {
  const host = "runs.example.org";
  const runner = await freshRunner();
  runner.script((exchange) => tell(exchange, [startedEvent(), finishedEvent()]));
  const runlog = await startRunlog({ runnerUrl: runner.address, env: { RUNLOG_HOSTS: host } });
  const port = await startGuidesNginx(runlog.url, host);
  const send = (method: string, path: string, body?: string): Promise<string> =>
    new Promise((resolve, reject) => {
      const headers = { Host: host, "Content-Type": "application/json" };
      const options = { host: "127.0.0.1", port, method, path, headers, servername: host };
      const asked = request({ ...options, rejectUnauthorized: false }, (response) => {
        let text = `${response.statusCode} `;
        response.setEncoding("utf8").on("data", (part: string) => {
          text += part;
          // the stream of events has no end
          if (text.includes("RUN_FINISHED")) resolve(text);
        });
        response.on("end", () => resolve(text));
      });
      asked.on("error", reject);
      asked.end(body);
      onTestFinished(() => void asked.destroy());
    });
  const session = "/api/projects/p1/agentic-sessions/s1";
  const answer = await send("POST", `${session}/agui/run`, runBody());
  expect(answer).toMatch(/^200 /);
  expect(await send("GET", `${session}/agui/events`)).toContain(startedEvent());
});

it("the guide to pydantic-ai compiles", async () => {
  const [code = ""] = await blocksOf("docs/guides/pydantic-ai.md", "python");
  const file = join(await freshDir(), "agent.py");
  await writeFile(file, code);
  await promisify(execFile)("python3", ["-m", "py_compile", file]);
});

it("the guide to pushing from Python stores a run, each event once, over a server that is killed", async () => {
  const [code = ""] = await blocksOf("docs/guides/push-from-python.md", "python");
  const port = String(await freePort());
  const env = { PORT: port, STORAGE_URL: `file:${await freshDir()}` };
  const file = join(await freshDir(), "push.py");
  await writeFile(file, replaced(code, "8080", port));
  const server = await startServer({ env });
  const pushing = promisify(execFile)("/usr/bin/python3", [file]);
  const events = async (of: ServerProcess): Promise<{ type: string; delta?: string }[]> => {
    const path = "/api/projects/demo/agentic-sessions/nightly/export?view=raw";
    const answer = await of.fetch(path, { headers: { Accept: "application/x-ndjson" } });
    const lines = answer.ok ? (await answer.text()).split("\n").slice(0, -1) : [];
    return lines.map((line) => JSON.parse(line) as { type: string });
  };
  await waitFor(async () => (await events(server)).length > 0, { what: "the first event" });
  server.kill("SIGKILL");
  await server.exited;
  const again = await startServer({ env });
  await pushing;
  const stored = await events(again);
  expect(stored.map(({ type }) => type)).toEqual([
    "RUN_STARTED",
    "TEXT_MESSAGE_START",
    "TEXT_MESSAGE_CONTENT",
    "TEXT_MESSAGE_CONTENT",
    "TEXT_MESSAGE_END",
    "RUN_FINISHED",
  ]);
  expect(stored.map(({ delta = "" }) => delta).join("")).toBe("Backup done");
});
