import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, it, onTestFinished } from "vitest";
import { finishedEvent, runBody, tell } from "../contract/session-routes/harness.ts";
import { freshDir, freshRunner, sessionOf, startServer } from "../support/server-process.ts";
import { waitFor } from "../support/wait-for.ts";

it("a runner gets the headers of who posts that are named, and no others", async () => {
  const runner = await freshRunner();
  const server = await startServer({
    cwd: await freshDir(),
    env: { RUNNER_URL: runner.address, RUNLOG_FORWARD_HEADERS: "Authorization, x-tenant" },
  });
  const session = sessionOf(server, runner);
  runner.script((exchange) => tell(exchange, [finishedEvent()]));
  await session.post("/agui/run", runBody("r"), {
    Authorization: "Bearer secret",
    "X-Tenant": "a",
    "X-Other": "b",
    Cookie: "c=d",
  });
  const { headers } = await waitFor(() => runner.requests.find(({ method }) => method === "POST"));
  expect(headers).toMatchObject({ authorization: "Bearer secret", "x-tenant": "a" });
  expect(headers).not.toHaveProperty("x-other");
  expect(headers).not.toHaveProperty("cookie");
  await session.settled("r");
  expect((await session.lines()).join("")).not.toContain("secret");
  expect(server.stdout() + server.stderr()).not.toContain("secret");
});

it("a runner whose answer does not begin in time is named so in its RUN_ERROR", async () => {
  const silent = createServer(() => {});
  onTestFinished(() => silent.closeAllConnections());
  await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void silent.close());
  const { port } = silent.address() as AddressInfo;
  const server = await startServer({
    cwd: await freshDir(),
    env: { RUNNER_URL: `http://127.0.0.1:${port}/`, RUNLOG_RUNNER_HEADERS: "200ms" },
  });
  const session = sessionOf(server, await freshRunner());
  await session.run(runBody("r"));
  const lines = await session.settled("r");
  expect(JSON.parse(lines.at(-1) ?? "")).toMatchObject({
    type: "RUN_ERROR",
    code: "runner-disconnected",
    message: "Runner did not answer within 0.2 s",
  });
});

it("a runner at a port that nobody may ask is named so, at once", async () => {
  const server = await startServer({
    cwd: await freshDir(),
    env: { RUNNER_URL: "http://127.0.0.1:6000/" },
  });
  const session = sessionOf(server, await freshRunner());
  await session.run(runBody("r"));
  const lines = await session.settled("r");
  expect(JSON.parse(lines.at(-1) ?? "")).toMatchObject({
    code: "runner-unreachable",
    message: "Runner is not available: nothing is ever asked at the port of its address",
  });
});
