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
  const [first] = [await open(server), await open(server)];
  const third = await open(server);
  await waitFor(() => third.closed || third.readableEnded, { what: "the third one's end" });
  expect(third.bytesRead).toBe(0);

  first.destroy();
  const status = await waitFor(
    async () => {
      const response = await server.fetch("/health").catch(() => null);
      return response && response.status;
    },
    { what: "room for another" },
  );
  expect(status).toBe(200);
});
