import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type ServerResponse,
} from "node:http";
import { type AddressInfo, createServer as createSocketServer } from "node:net";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { startScript } from "../../scripts/bench/child-script.ts";
import { createRandom } from "../../scripts/bench/random.ts";
import { FIRST_SEQUENCE } from "../../scripts/bench/numbered-event.ts";
import { SseReader, type SseEvent } from "../contract/read-sse.ts";
import { startRunnerProcess } from "../support/runner-process.ts";
import { freshDir, runCli, type ServerProcess, startServer } from "../support/server-process.ts";
import { waitFor } from "../support/wait-for.ts";

/** Large enough for many reads; what 24 MiB take is measured by the benchmark. */
const EVENT_BYTES = 4 * 1024 * 1024;
const EVENTS = 20_000;
const START_TIMEOUT_MS = 60_000;

interface RelayStart {
  readonly agent: string;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

function startRelay({ agent, args = [], env = {} }: RelayStart): Promise<ServerProcess> {
  return startServer({ args: ["relay", "--agent", agent, "--port", "0", ...args], env });
}

function post(relay: ServerProcess, runId: string, init: RequestInit = {}): Promise<Response> {
  return relay.fetch("/", { ...init, method: "POST", body: JSON.stringify({ runId }) });
}

/** An agent in this process whose answers stay open; each is given to the test. */
async function openAgent(): Promise<{ url: string; answers: ServerResponse[] }> {
  const answers: ServerResponse[] = [];
  const { url } = await listen((request, response) => {
    request.resume().once("end", () => {
      response.writeHead(200, { "Content-Type": "text/event-stream" });
      response.flushHeaders();
      answers.push(response);
    });
  });
  return { url, answers };
}

async function listen(handler: RequestListener): Promise<{ url: string }> {
  const server = createServer(handler);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/` };
}

async function readAll(response: Response): Promise<SseEvent[]> {
  if (!response.body) throw new Error("no stream");
  const sse = new SseReader(response.body);
  const events: SseEvent[] = [];
  for (let event = await sse.event(); event; event = await sse.event()) events.push(event);
  return events;
}

describe("runlog relay", () => {
  it("--help says what it does and names every option", async () => {
    const { code, stdout, stderr } = await runCli({ args: ["relay", "--help"] });
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    const names = ["--agent", "--port", "--host", "--dir", "--bytes", "--drain"];
    for (const name of [...names, "RUNLOG_RELAY_TOKEN_FILE"])
      expect(stdout).toContain(`  ${name} `);
    expect((await runCli({ args: ["--help"] })).stdout).toMatch(/^ {2}relay {5}\S/m);
  });

  it.each([
    [[], "--agent"],
    [["--agent", "ftp://x"], "--agent"],
    [["--agent", "http://x", "--port", "70000"], "--port"],
    [["--agent", "http://x", "--bytes", "12"], "--bytes"],
    [["--agent", "http://x", "--bytes", "many"], "--bytes"],
    [["--agent", "http://x", "--drain", "soon"], "--drain"],
    [["--agent", "http://x", "--prot", "1"], "--prot"],
  ])("%j exits 2 and names what is wrong", async (args, name) => {
    const { code, stdout, stderr } = await runCli({ args: ["relay", ...args] });
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toMatch(/^runlog: /);
    expect(stderr).toContain(name);
    expect(stderr).not.toContain("    at ");
  });

  it("exits 2 without the token's file", async () => {
    const env = { RUNLOG_RELAY_TOKEN_FILE: join(await freshDir(), "token") };
    const { code, stderr } = await runCli({ args: ["relay", "--agent", "http://x"], env });
    expect(code).toBe(2);
    expect(stderr).toContain("RUNLOG_RELAY_TOKEN_FILE");
  });

  it("exits 1 when its port is taken, and says which option names another", async () => {
    const taken = createSocketServer().listen(0, "127.0.0.1");
    onTestFinished(() => void taken.close());
    await once(taken, "listening");
    const port = String((taken.address() as AddressInfo).port);
    const { code, stderr } = await runCli({
      args: ["relay", "--agent", "http://x", "--port", port],
    });
    expect(code).toBe(1);
    expect(stderr).toMatch(/^runlog: .*EADDRINUSE.*--port/);
  });

  it("exits 5 when another relay has the directory", async () => {
    const dir = await freshDir();
    const agent = "http://127.0.0.1:1/";
    await startRelay({ agent, args: ["--dir", dir] });
    const { code } = await runCli({
      args: ["relay", "--agent", agent, "--port", "0", "--dir", dir],
    });
    expect(code).toBe(5);
  });

  it("asks for the token in its file, also for the one that comes into it later", async () => {
    const { url, answers } = await openAgent();
    const file = join(await freshDir(), "token");
    await writeFile(file, "one\n");
    const relay = await startRelay({ agent: url, env: { RUNLOG_RELAY_TOKEN_FILE: file } });
    const statusWith = async (token: string): Promise<number> => {
      const headers = { "X-Ambient-Session-Token": token };
      const answer = await post(relay, "r1", { headers });
      await answer.body?.cancel();
      return answer.status;
    };
    expect((await post(relay, "r1")).status).toBe(401);
    expect(await statusWith("one")).toBe(200);
    await writeFile(file, "two\n");
    await waitFor(async () => (await statusWith("two")) === 200, { what: "the new token" });
    expect(await statusWith("one")).toBe(401);
    expect(answers).toHaveLength(1);
  });

  it("posts a run to an agent that comes up after it", async () => {
    const reserved = createSocketServer().listen(0, "127.0.0.1");
    await once(reserved, "listening");
    const { port } = reserved.address() as AddressInfo;
    reserved.close();
    await once(reserved, "close");
    const relay = await startRelay({ agent: `http://127.0.0.1:${port}/` });
    const posted = post(relay, "r1");
    await startRunnerProcess({ port, events: ['{"type":"RUN_FINISHED"}'], ends: true });
    expect(await readAll(await posted)).toHaveLength(1);
  });
});

describe("what passes through a relay", () => {
  it("streams both ways, and ends for the agent when its client goes", async () => {
    let request: IncomingMessage | null = null;
    let gone = false;
    const { url } = await listen((incoming, response) => {
      request = incoming;
      response.writeHead(200, { "Content-Type": "application/octet-stream" });
      incoming.pipe(response);
      response.once("close", () => {
        gone = !response.writableFinished;
      });
    });
    const relay = await startRelay({ agent: url });
    const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
    const writer = writable.getWriter();
    const abort = new AbortController();
    const { signal } = abort;
    const init: RequestInit & { duplex: "half" } = {
      method: "PUT",
      body: readable,
      duplex: "half",
      signal,
    };
    const answered = relay.fetch("/echo", init);
    await writer.write(new TextEncoder().encode("one"));
    const reader = (await answered).body!.getReader();
    expect(new TextDecoder().decode((await reader.read()).value)).toBe("one");
    await writer.write(new TextEncoder().encode("two"));
    expect(new TextDecoder().decode((await reader.read()).value)).toBe("two");
    abort.abort();
    await waitFor(() => gone, { what: "the end of the agent's request" });
    expect(request).toMatchObject({ method: "PUT", url: "/echo" });
  });

  it("has the body of a run whole, with its length, however long it is", async () => {
    const { url } = await listen((incoming, response) => {
      const length = Number(incoming.headers["content-length"]);
      let bytes = 0;
      incoming.on("data", (chunk: Buffer) => {
        bytes += chunk.length;
      });
      incoming.once("end", () => {
        response.writeHead(200, { "Content-Type": "text/event-stream" });
        response.end(`data: ${JSON.stringify({ length, bytes })}\n\n`);
      });
    });
    const relay = await startRelay({ agent: url, args: ["--dir", await freshDir()] });
    const body = JSON.stringify({ runId: "r1", messages: ["x".repeat(5_000_000)] });
    const [event] = await readAll(await relay.fetch("/", { method: "POST", body }));
    expect(JSON.parse(event?.data ?? "")).toEqual({ length: body.length, bytes: body.length });
  });
});

describe("a relay that is stopped", () => {
  it("exits at once where no run is open", async () => {
    const relay = await startRelay({ agent: "http://127.0.0.1:1/" });
    relay.kill("SIGTERM");
    expect(await relay.exited).toEqual({ code: 0, signal: null });
  });

  it("lets open runs end first", async () => {
    const { url, answers } = await openAgent();
    const relay = await startRelay({ agent: url });
    const response = await post(relay, "r1");
    relay.kill("SIGTERM");
    await waitFor(() => relay.stderr().includes("stopping"), { what: "the stop" });
    expect((await post(relay, "r2")).status).toBe(503);
    answers[0]?.end('data: {"type":"RUN_FINISHED"}\n\n');
    expect((await readAll(response)).map(({ data }) => data)).toEqual(['{"type":"RUN_FINISHED"}']);
    expect((await relay.exited).code).toBe(0);
  });

  it("ends what is still open after the drain with an error, and exits", async () => {
    const { url, answers } = await openAgent();
    const relay = await startRelay({ agent: url, args: ["--drain", "100ms"] });
    const response = await post(relay, "r1");
    answers[0]?.write('data: {"type":"RUN_STARTED"}\n\n');
    relay.kill("SIGTERM");
    const last = (await readAll(response)).at(-1);
    expect(JSON.parse(last?.data ?? "")).toMatchObject({ code: "relay-stopped", runId: "r1" });
    expect((await relay.exited).code).toBe(0);
  });

  it("ends at once at the second signal", async () => {
    const { url } = await openAgent();
    const relay = await startRelay({ agent: url });
    await post(relay, "r1");
    relay.kill("SIGTERM");
    await waitFor(() => relay.stderr().includes("stopping"), { what: "the stop" });
    relay.kill("SIGTERM");
    expect((await relay.exited).code).toBe(1);
  });
});

describe("a relay that is killed", () => {
  const FRAMES = ['data: {"type":"RUN_STARTED"}\n\n', 'data: {"type":"CUSTOM","value":"ä"}\n\n'];

  it.each([
    ["between frames", "", 0],
    ["within a frame", 'data: {"type":"TEXT_MES', 0],
    ["within a large event", `data: {"type":"CUSTOM","value":"${"x".repeat(EVENT_BYTES)}`, 0],
    ["after the run's end", 'data: {"type":"RUN_FINISHED"}\n\n', 1],
  ])("%s gives all of it again after its start, and an end", async (_when, last, ended) => {
    const { url, answers } = await openAgent();
    const dir = await freshDir();
    const relay = await startRelay({ agent: url, args: ["--dir", dir] });
    const { body } = await post(relay, "r1");
    const reader = body!.getReader();
    const sent = FRAMES.join("") + last;
    answers[0]?.write(sent);
    // what a client got is spooled
    for (let bytes = 0; bytes < sent.length;) bytes += (await reader.read()).value?.length ?? 0;
    relay.kill();
    await relay.exited;
    await reader.cancel().catch(() => {});

    const next = await startRelay({ agent: url, args: ["--dir", dir] });
    const events = await readAll(await next.fetch("/runs/r1/events"));
    const whole = events.map(({ data }) => data).filter((data) => isJson(data));
    const terminals = ended === 1 ? ["RUN_FINISHED"] : ["RUN_ERROR"];
    expect(whole.map((data) => JSON.parse(data).type)).toEqual([
      "RUN_STARTED",
      "CUSTOM",
      ...terminals,
    ]);
    const second = events[1]?.id ?? "";
    const rest = await next.fetch("/runs/r1/events", { headers: { "Last-Event-ID": second } });
    expect(await readAll(rest)).toEqual(events.slice(2));
    if (ended === 0)
      expect(JSON.parse(whole.at(-1) ?? "")).toMatchObject({
        code: "relay-restarted",
        runId: "r1",
      });
    expect((await next.fetch("/runs/r1", { method: "DELETE" })).status).toBe(204);
    next.kill();
    await next.exited;
    const third = await startRelay({ agent: url, args: ["--dir", dir] });
    expect((await third.fetch("/runs/r1/events")).status).toBe(404);
  });

  it("before the agent has answered knows the run, and that it has failed", async () => {
    const server = createSocketServer().listen(0, "127.0.0.1");
    onTestFinished(() => void server.close());
    await once(server, "listening");
    const agent = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    const dir = await freshDir();
    const relay = await startRelay({ agent, args: ["--dir", dir] });
    const asked = once(server, "connection");
    const posted = post(relay, "r1").catch(() => null);
    const [socket] = await asked;
    onTestFinished(() => void socket.destroy());
    relay.kill();
    await Promise.all([relay.exited, posted]);
    const next = await startRelay({ agent, args: ["--dir", dir] });
    const [only] = await readAll(await next.fetch("/runs/r1/events"));
    expect(JSON.parse(only?.data ?? "")).toMatchObject({
      type: "RUN_ERROR",
      code: "relay-restarted",
    });
  });
});

it.each(["memory", "disk"])(
  "gives each frame once, in order, through connections that are cut anywhere (spool: %s)",
  async (spool) => {
    const random = createRandom(20_260_730);
    const agent = startScript<{ port: number }>(
      new URL("../../scripts/bench/fake-runner-process.ts", import.meta.url),
      { events: EVENTS, largeBytes: EVENT_BYTES },
    );
    onTestFinished(() => agent.stop());
    const { port } = await agent.next(START_TIMEOUT_MS);
    const args = spool === "disk" ? ["--dir", await freshDir()] : [];
    const relay = await startRelay({ agent: `http://127.0.0.1:${port}/`, args });
    const seen: Seen[] = [];
    let lastId = "";
    let response = await post(relay, "r1");
    for (let cuts = 0; ; cuts++) {
      const sse = new SseReader(response.body!);
      const frames = cuts < 60 ? 1 + random.integer(700) : Infinity;
      let event: SseEvent | null = null;
      for (let count = 0; count < frames; count++) {
        event = await sse.event();
        if (!event) break;
        lastId = event.id;
        seen.push({ id: event.id, sequence: sequenceOf(event.data) });
      }
      if (!event) break;
      await sse.cancel();
      response = await relay.fetch("/runs/r1/events", { headers: { "Last-Event-ID": lastId } });
    }
    expect(new Set(seen.map(({ id }) => id)).size).toBe(seen.length);
    // RUN_STARTED, the message's start and end, the large event, RUN_FINISHED
    expect(seen).toHaveLength(EVENTS + 5);
    const sequences = seen.map(({ sequence }) => sequence).filter((sequence) => sequence !== null);
    expect(sequences).toEqual(Array.from({ length: EVENTS }, (_, n) => FIRST_SEQUENCE + n));
  },
);

interface Seen {
  readonly id: string;
  readonly sequence: number | null;
}

function sequenceOf(data: string): number | null {
  const [, digits] = (data.length < 1_000 && /"seq":(\d+)/.exec(data)) || [];
  return digits === undefined ? null : Number(digits);
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
