import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { expect, it, onTestFinished } from "vitest";
import { freshDir, type ServerProcess, startServer } from "../support/server-process.ts";
import { waitFor } from "../support/wait-for.ts";

async function open({ url }: ServerProcess): Promise<Socket> {
  const socket = connect(Number(new URL(url).port), "127.0.0.1");
  onTestFinished(() => void socket.destroy());
  socket.on("error", () => {}).resume();
  await once(socket, "connect");
  return socket;
}

it("a connection beyond RUNLOG_MAX_CONNECTIONS is closed unanswered, and there is room again when one has gone", async () => {
  const server = await startServer({
    env: { STORAGE_URL: `file:${await freshDir()}`, RUNLOG_MAX_CONNECTIONS: "2" },
  });
  const sockets = [await open(server), await open(server), await open(server)];
  // which of them is beyond is left to the system: it hands each to any of the sockets that listen
  const isRefused = (socket: Socket): boolean => socket.closed || socket.readableEnded;
  const refused = await waitFor(() => sockets.find(isRefused), { what: "the end of one of them" });
  expect(refused.bytesRead).toBe(0);
  expect(sockets.filter(isRefused)).toHaveLength(1);

  sockets.find((socket) => socket !== refused)?.destroy();
  const status = await waitFor(
    async () => {
      const response = await server.fetch("/health").catch(() => null);
      return response && response.status;
    },
    { what: "room for another" },
  );
  expect(status).toBe(200);
});
