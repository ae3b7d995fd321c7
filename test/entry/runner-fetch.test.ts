import { createServer, type ServerResponse } from "node:http";
import { type AddressInfo, createServer as createTcpServer, type Socket } from "node:net";
import { Agent, fetch as undiciFetch } from "undici";
import { expect, it, onTestFinished } from "vitest";
import { createRunnerFetch } from "../../src/entry/runner-fetch.ts";

it("a runner that is silent for longer than a client's body time-out keeps its answer open", async () => {
  const answers: ServerResponse[] = [];
  const server = createServer((_request, response) => {
    response.writeHead(200).write("first");
    answers.push(response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;

  // the same client with the time-out that a built-in fetch has, only shorter
  const impatient = await undiciFetch(url, { dispatcher: new Agent({ bodyTimeout: 300 }) });
  const retrying = await createRunnerFetch()(url, {});
  const reader = retrying.body?.getReader();
  expect(new TextDecoder().decode((await reader?.read())?.value)).toBe("first");
  await expect(impatient.text()).rejects.toThrow("terminated");

  const next = reader?.read();
  for (const answer of answers) if (!answer.destroyed) answer.end("second");
  expect(new TextDecoder().decode((await next)?.value)).toBe("second");
  await new Promise((resolve) => server.close(resolve));
});

/** A server that sends these pieces to whatever it is asked, one after the other. */
async function serverThatSends(...pieces: readonly string[]): Promise<string> {
  const server = createTcpServer((socket) => {
    socket.on("error", () => {}).once("data", () => void send(socket));
  });
  async function send(socket: Socket): Promise<void> {
    for (const piece of pieces) {
      await new Promise((resolve) => socket.write(piece, resolve));
      // a turn later, so that it comes by itself
      await new Promise((resolve) => setImmediate(resolve));
    }
    socket.end();
  }
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

const bytesOf = (text: string): string[] => text.split("");
const FINAL = "HTTP/1.1 200 OK\r\nX-Is: final\r\nConnection: close\r\n\r\n";

it.each<[string, readonly string[]]>([
  ["none", [FINAL, "body"]],
  ["100", ["HTTP/1.1 100 Continue\r\n\r\n", FINAL, "body"]],
  ["100 with the final one after it", [`HTTP/1.1 100 Continue\r\n\r\n${FINAL}body`]],
  ["100 byte by byte", [...bytesOf(`HTTP/1.1 100 Continue\r\nX: y\r\n\r\n${FINAL}`), "body"]],
  ["100 by HTTP/1.0, without a reason", ["HTTP/1.0 100\r\n\r\n", FINAL, "body"]],
  ["100 twice", ["HTTP/1.1 100 Continue\r\n\r\n".repeat(2), FINAL, "body"]],
  [
    "102, 103 and 100",
    [
      "HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n",
      "HTTP/1.1 100 Continue\r\n\r\n",
      FINAL,
      "body",
    ],
  ],
  ["one that nobody knows", ["HTTP/1.1 199 Odd\r\nX-Is: interim\r\n\r\n", FINAL, "body"]],
])("reads past interim answers of a runner: %s", async (_which, pieces) => {
  const response = await createRunnerFetch()(await serverThatSends(...pieces), {
    method: "POST",
    body: "run",
  });
  expect([response.status, response.headers.get("X-Is")]).toEqual([200, "final"]);
  expect(await response.text()).toBe("body");
});

it.each<[string, string]>([
  [
    "another protocol that nobody asked for",
    "HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
  ],
  ["an interim answer without an end", `HTTP/1.1 100 Continue\r\nX: ${"x".repeat(40_000)}`],
  ["an interim answer alone", "HTTP/1.1 100 Continue\r\n\r\n"],
])("fails at %s", async (_what, answer) => {
  const url = await serverThatSends(answer);
  await expect(createRunnerFetch()(url, {})).rejects.toThrow("fetch failed");
});
