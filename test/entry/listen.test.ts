import { once } from "node:events";
import { createServer, get, type Server } from "node:http";
import { connect, type Socket } from "node:net";
import { setImmediate as nextTurn } from "node:timers/promises";
import { expect, it, onTestFinished } from "vitest";
import { listen, type Listening } from "../../src/entry/listen.ts";
import { waitFor } from "../support/wait-for.ts";

const LOOPBACK = { port: 0, host: "127.0.0.1", maxConnections: 1_000 };
const logger = { info() {}, warn() {}, error() {} };

async function listening(server: Server, target = LOOPBACK): Promise<Listening> {
  const result = await listen(server, { ...target, logger });
  onTestFinished(async () => {
    server.closeAllConnections();
    await result.close();
  });
  return result;
}

function open(port: number): Socket {
  const socket = connect(port, "127.0.0.1");
  onTestFinished(() => void socket.destroy());
  return socket.on("error", () => {}).resume();
}

it.runIf(process.platform === "linux")(
  "accepts several connections in each turn of the event loop",
  async () => {
    const server = createServer();
    const { port } = await listening(server);
    let accepted = 0;
    let turns = 0;
    server.on("connection", () => (accepted += 1));
    const sockets = Array.from({ length: 128 }, () => open(port));
    while (accepted < sockets.length) {
      await nextTurn();
      if (accepted > 0) turns += 1;
    }
    expect(turns).toBeLessThan(sockets.length / 2);
  },
);

it("serves on every one of its connections, and keeps their number whichever way they came", async () => {
  const server = createServer((_request, response) => response.end("here"));
  const { port } = await listening(server, { ...LOOPBACK, maxConnections: 40 });
  const sockets = Array.from({ length: 60 }, () => open(port));
  let text = "";
  for (const socket of sockets) {
    socket.on("data", (bytes) => (text += bytes.toString("latin1")));
    socket.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  }
  await waitFor(() => sockets.filter(({ closed }) => closed).length === 20);
  await waitFor(() => text.match(/here/g)?.length === 40);
  for (const socket of sockets) socket.destroy();
  const status = await waitFor(async () => {
    const [response] = await once(get({ port, agent: false }), "response").catch(() => []);
    return response?.statusCode as number | undefined;
  });
  expect(status).toBe(200);
});

it("refuses a port that another server has, and releases its own when it closes", async () => {
  const first = createServer();
  const opened = await listening(first);
  const again = { ...LOOPBACK, port: opened.port };
  await expect(listen(createServer(), { ...again, logger })).rejects.toThrow("EADDRINUSE");
  await opened.close();
  const second = await listening(createServer(), again);
  expect(second.port).toBe(opened.port);
});
