import { expect, it } from "vitest";
import {
  expectProblem,
  type SessionClient,
  finishedEvent,
  runBody,
  startedEvent,
  tell,
} from "../contract/session-routes/harness.ts";
import {
  freshDir,
  freshRunner,
  runCli,
  sessionOf,
  startServer,
} from "../support/server-process.ts";
import { waitFor } from "../support/wait-for.ts";

const MIB = 1024 * 1024;
const SMALL_DISK = 2 * MIB;
/** What a file grows by at least on such a disk. */
const PAGE = 4_096;

it("on a disk that is full a run ends as failed, what was stored stays, and other sessions can be read", async () => {
  const { env, runner, dir } = await prepare();
  const server = await startServer({
    env,
    before: inNamespace(`mount -t tmpfs -o size=${SMALL_DISK} tmpfs ${dir}`),
  });
  const session = sessionOf(server, runner);
  const kept = await session.play([startedEvent(), custom("kept"), finishedEvent()]);
  const filler = Array.from({ length: (2 * SMALL_DISK) / PAGE }, () => custom("x".repeat(PAGE)));
  runner.script((exchange) =>
    // given up by the server in the middle
    tell(exchange, [startedEvent("full"), ...filler]).catch(() => exchange.closed),
  );
  const full = sessionOf(server, runner, "full");
  await full.run(runBody("full"));
  await runIsOver(full);
  for (const line of await full.lines()) JSON.parse(line);
  expect(await session.lines()).toEqual(kept);
  await expectProblem(await refusedRun(full), 503, "Event log is not writable");
  expect((await server.fetch("/health")).status).toBe(200);

  // deleting what filled it makes room
  expect((await full.get("", {}, "DELETE")).status).toBe(204);
  runner.script((exchange) => tell(exchange, [startedEvent("r3"), finishedEvent("r3")]));
  await waitFor(async () => (await session.post("/agui/run", runBody("r3"))).status === 200);
  expect((await session.settled("r3")).slice(0, kept.length)).toEqual(kept);
});

it("a disk that is read-only ends the start, and says nothing of another server", async () => {
  const { env, runner, dir } = await prepare();
  const first = await startServer({ env });
  await sessionOf(first, runner).play([startedEvent(), finishedEvent()]);
  first.kill("SIGTERM");
  await first.exited;
  const before = inNamespace(`mount --bind ${dir} ${dir} && mount -o bind,remount,ro ${dir}`);
  const exit = await runCli({ env, before });
  expect(exit).toMatchObject({ code: 1, stdout: "" });
  expect(exit.stderr).toMatch(/^runlog: The disk is read-only: .*EROFS.*'\/.*\n$/);
});

/** Posts runs with a long message until there is no room for one; resolves with the refusal. */
async function refusedRun(session: SessionClient): Promise<Response> {
  for (let count = 0; ; count++) {
    const body = runBody(`long-${count}`).replace('"hi"', `"${"x".repeat(2 * PAGE)}"`);
    const response = await session.post("/agui/run", body);
    if (response.status !== 200 && response.status !== 409) return response;
    await response.body?.cancel();
  }
}

async function runIsOver(session: SessionClient): Promise<void> {
  await waitFor(async () => (await session.agentStatus()) !== "working");
}

async function prepare() {
  const dir = await freshDir();
  const runner = await freshRunner();
  return { dir, runner, env: { STORAGE_URL: `file:${dir}`, RUNNER_URL: runner.address } };
}

/** Shell text that moves the process into a mount namespace of its own, where it may mount. */
function inNamespace(mounts: string): string {
  return `exec unshare -Urm sh -c '${mounts}\n exec "$@"' sh "$@"`;
}

function custom(value: string): string {
  return JSON.stringify({ type: "CUSTOM", name: "n", value });
}
