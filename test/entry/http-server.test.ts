import { once } from "node:events";
import { connect } from "node:net";
import { text } from "node:stream/consumers";
import { expect, it, onTestFinished } from "vitest";
import { createMemoryLogStore } from "../../adapters/memory/index.ts";
import { SECURITY_HEADERS } from "../../src/http/security-headers.ts";
import { expectProblem, SessionClient } from "../contract/session-routes/harness.ts";
import { listenTestServer } from "../support/test-server.ts";

const RUN = "/api/projects/p1/agentic-sessions/s1/agui/run";

async function start() {
  const server = await listenTestServer({ store: createMemoryLogStore() });
  onTestFinished(() => server.dispose());
  return server;
}

function open({ port }: { readonly port: number }) {
  const socket = connect(port, "127.0.0.1");
  onTestFinished(() => void socket.destroy());
  return socket;
}

/** The answers to bytes that are sent as they are, up to the end of the connection. */
async function answersTo(server: { readonly port: number }, request: string): Promise<string> {
  const socket = open(server);
  socket.write(request.replaceAll("HOST", `Host: 127.0.0.1:${server.port}`), "latin1");
  return text(socket);
}

/** The first of the answers, as `fetch` would give it. */
function parse(answer: string): Response {
  const end = answer.indexOf("\r\n\r\n");
  const [status = "", ...lines] = answer.slice(0, end).split("\r\n");
  const headers = lines.map((line): [string, string] => {
    const at = line.indexOf(": ");
    return [line.slice(0, at), line.slice(at + 2)];
  });
  const body = answer.slice(end + 4);
  const isChunked = new Headers(headers).get("Transfer-Encoding") === "chunked";
  return new Response(isChunked ? body.split("\r\n")[1] : body, {
    status: Number(status.split(" ")[1]),
    headers,
  });
}

const ONCE = "Connection: close\r\n\r\n";

it.each<[string, string, number, RegExp]>([
  [
    "a host that is an address, written long",
    `GET / HTTP/1.1\r\nHost: [::ffff:7f00:0001]\r\n${ONCE}`,
    403,
    /^Host not/,
  ],
  ["an empty host", `GET /health HTTP/1.1\r\nHost: \r\n${ONCE}`, 400, /Host/],
  ["a host that is none", `GET /health HTTP/1.1\r\nHost: a b\r\n${ONCE}`, 400, /Host/],
  ["two hosts", `GET /health HTTP/1.1\r\nHOST\r\nHost: other\r\n${ONCE}`, 400, /Host/],
  ["no host", `GET /health HTTP/1.1\r\n${ONCE}`, 400, /Host/],
  ["no host, by HTTP/1.0", `GET /health HTTP/1.0\r\n\r\n`, 400, /Host/],
  [
    "an expectation",
    `POST ${RUN} HTTP/1.1\r\nHOST\r\nExpect: tea\r\nContent-Length: 0\r\n\r\n`,
    417,
    /^Expect/,
  ],
  [
    "two lengths",
    `POST ${RUN} HTTP/1.1\r\nHOST\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n`,
    400,
    /HTTP/,
  ],
  [
    "a chunk without a length",
    `POST ${RUN} HTTP/1.1\r\nHOST\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n`,
    400,
    /HTTP/,
  ],
  [
    "extensions of a chunk of 20 KiB",
    `POST ${RUN} HTTP/1.1\r\nHOST\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n1;a=${"a".repeat(20_000)}\r\n`,
    413,
    /16 KiB/,
  ],
  [
    "a header of 20 KiB",
    `GET /health HTTP/1.1\r\nHOST\r\nCookie: ${"a".repeat(20_000)}\r\n\r\n`,
    431,
    /16 KiB/,
  ],
  ["a URL of 20 KiB", `GET /health?${"a".repeat(20_000)} HTTP/1.1\r\nHOST\r\n\r\n`, 431, /16 KiB/],
  ["a method that is none", "BREW / HTTP/1.1\r\nHOST\r\n\r\n", 400, /^The method/],
  ["a method that a path has not", `TRACE /health HTTP/1.1\r\nHOST\r\n${ONCE}`, 405, /^TRACE/],
  ["CONNECT", "CONNECT a.example:443 HTTP/1.1\r\nHOST\r\n\r\n", 501, /^CONNECT/],
  ["all of the server", `OPTIONS * HTTP/1.1\r\nHOST\r\n${ONCE}`, 400, /target/],
  ["a target without a slash", "GET health HTTP/1.1\r\nHOST\r\n\r\n", 400, /HTTP/],
  ["a target beyond ASCII", "GET /é HTTP/1.1\r\nHOST\r\n\r\n", 400, /HTTP/],
  ["NUL in a header", "GET /health HTTP/1.1\r\nHOST\r\nx: a\0b\r\n\r\n", 400, /HTTP/],
  ["HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, /HTTP/],
  ["another protocol", "\u0016\u0003\u0001\u0002\u0000", 400, /./],
])("%s is answered by a problem document", async (_what, request, status, detail) => {
  const server = await start();
  const answer = parse(await answersTo(server, request));
  expect(Object.fromEntries(answer.headers)).toMatchObject(
    Object.fromEntries(
      Object.entries(SECURITY_HEADERS).map(([name, value]) => [name.toLowerCase(), value]),
    ),
  );
  await expectProblem(answer, status, detail);
  expect(server.runner.requests).toEqual([]);
});

it("an address as host is taken in whichever way it is written", async () => {
  const server = await start();
  const request = `GET /health HTTP/1.1\r\nHost: [0:0:0:0:0:0:0:1]:80\r\n${ONCE}`;
  expect(parse(await answersTo(server, request)).status).toBe(200);
});

it("a request for another protocol is answered in this one", async () => {
  const server = await start();
  const upgrade = "Connection: Upgrade, close\r\nUpgrade: websocket\r\n\r\n";
  const answer = parse(await answersTo(server, `GET /health HTTP/1.1\r\nHOST\r\n${upgrade}`));
  expect(answer.status).toBe(200);
});

it("what comes after a stream that was begun is no part of the stream, and ends it", async () => {
  const server = await start();
  await new SessionClient(server).run();
  const socket = open(server);
  const received = text(socket);
  socket.write(`GET ${RUN.replace("run", "events")} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`);
  await once(socket, "readable");
  socket.write("BREW / HTTP/1.1\r\n\r\n");
  const answers = await received.catch(() => "");
  expect(answers).not.toContain("problem+json");
});

it("what comes after a request that is being answered is no answer to it", async () => {
  const server = await start();
  const input = JSON.stringify({ runId: "r1", messages: [] });
  const run = `POST ${RUN} HTTP/1.1\r\nHOST\r\nContent-Type: application/json\r\nContent-Length: ${input.length}\r\n\r\n${input}`;
  for (const [line, status] of [
    ["BREW /", 400],
    ["CONNECT a.example:443", 501],
  ] as const) {
    const answers = await answersTo(server, `${run}${run}${line} HTTP/1.1\r\nHOST\r\n\r\n`);
    const statuses = [...answers.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, code]) => Number(code));
    expect(statuses).toEqual([200, 200, status]);
    expect(answers).toContain('{"runId":"r1","threadId":"s1"}');
  }
});

it("a client that goes on sending after it was refused is disconnected", async () => {
  const server = await start();
  const socket = open(server);
  let isOpen = true;
  socket
    .on("error", () => {})
    .on("close", () => (isOpen = false))
    .resume();
  const writeMore = (): void => {
    if (isOpen) socket.write("BREW / HTTP/1.1\r\n\r\n", () => setImmediate(writeMore));
  };
  writeMore();
  await once(socket, "close");
  expect(socket.bytesRead).toBeGreaterThan(0);
});
