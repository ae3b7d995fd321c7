import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { expect, it, onTestFinished } from "vitest";
import { openRunner, startedEvent } from "../contract/session-routes/harness.ts";
import {
  freshDir,
  freshRunner,
  harnessOf,
  type ServerProcess,
  sessionOf,
  startServer,
} from "../support/server-process.ts";
import { waitFor } from "../support/wait-for.ts";

const CUSTOM = '{"type":"CUSTOM","name":"n","value":1}';

it("SIGTERM ends the run in the log, then the streams, then idle connections, and the process exits 0", async () => {
  const runner = await freshRunner();
  const env = { STORAGE_URL: `file:${await freshDir()}`, RUNNER_URL: runner.address };
  const server = await startServer({ env });
  const session = sessionOf(server, runner);
  const exchange = await openRunner(harnessOf(server, runner), () => session.run());
  const viewer = await session.watch();
  const idle = await sessionOf(server, runner, "nothing-yet").watch();
  const keptAlive = await keepAlive(server);
  await exchange.write(`data: ${startedEvent()}\n\ndata: ${CUSTOM}\n\n`);
  const seen = await viewer.sse.until(({ data }) => data === CUSTOM);
  expect(seen).toHaveLength(3);

  server.kill("SIGTERM");
  expect(await server.exited).toEqual({ code: 0, signal: null });

  // neither throws: both streams ended in order, at the end of a frame
  const end = await viewer.sse.event();
  expect(JSON.parse(end?.data ?? "")).toEqual({
    type: "RUN_ERROR",
    threadId: "s1",
    runId: "r",
    timestamp: expect.any(Number),
    message: "Server is shutting down",
    code: "server-shutdown",
  });
  expect(await viewer.sse.event()).toBeNull();
  expect(await idle.sse.event()).toBeNull();
  await exchange.closed;
  await waitFor(() => keptAlive.closed, { what: "the idle connection's end" });

  const again = await startServer({ env });
  expect(await sessionOf(again, runner).lines()).toEqual([
    ...seen.map(({ data }) => data),
    end?.data,
  ]);
});

/** A connection that has had its answer and waits for the next request. */
async function keepAlive(server: ServerProcess): Promise<Socket> {
  const { hostname, port } = new URL(server.url);
  const socket = connect(Number(port), hostname);
  onTestFinished(() => void socket.destroy());
  socket.setEncoding("utf8");
  socket.write(`GET /health HTTP/1.1\r\nHost: ${hostname}\r\n\r\n`);
  let answer = "";
  while (!answer.includes("healthy")) answer += String(await once(socket, "data"));
  // its end is seen only by who reads
  socket.resume();
  expect(answer).toMatch(/^HTTP\/1\.1 200 /);
  expect(answer).not.toMatch(/^connection: close/im);
  return socket;
}
