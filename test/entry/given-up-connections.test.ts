import { connect } from "node:net";
import { expect, it, onTestFinished } from "vitest";
import { serverSockets } from "../../scripts/load/sockets.ts";
import { finishedEvent, startedEvent, tell } from "../contract/session-routes/harness.ts";
import { freshDir, freshRunner, sessionOf, startServer } from "../support/server-process.ts";
import { waitFor } from "../support/wait-for.ts";

const MIB = 1024 * 1024;

it("the kernel keeps nothing for clients that the server has given up", async () => {
  const runner = await freshRunner();
  const server = await startServer({
    env: {
      STORAGE_URL: `file:${await freshDir()}`,
      RUNNER_URL: runner.address,
      RUNLOG_WRITE_DEADLINE: "1s",
    },
  });
  const session = sessionOf(server, runner);
  // more than the kernel takes for a client
  const large = JSON.stringify({ type: "CUSTOM", name: "large", value: "x".repeat(24 * MIB) });
  runner.script((exchange) => tell(exchange, [startedEvent(), large, finishedEvent()]));
  await session.run();
  await waitFor(async () => (await session.agentStatus()) === "idle");

  const port = Number(new URL(server.url).port);
  for (const route of ["/agui/events", "/export"]) {
    const socket = connect(port, "127.0.0.1");
    onTestFinished(() => void socket.destroy());
    // it never reads, so it is told nothing of the end
    socket.pause().on("error", () => {});
    socket.write(`GET ${session.path}${route} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`);
  }
  await waitFor(async () => (await serverSockets(port)).unsentBytes > MIB, {
    what: "bytes that nobody takes",
  });
  const left = await waitFor(
    async () => {
      const { closing, unsentBytes } = await serverSockets(port);
      return unsentBytes === 0 && { closing };
    },
    { what: "the kernel to let go of them" },
  );
  expect(left).toEqual({ closing: 0 });
});
