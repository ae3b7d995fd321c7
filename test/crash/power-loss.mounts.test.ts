import { execFileSync } from "node:child_process";
import { copyFile, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import {
  finishedEvent,
  runBody,
  type SessionClient,
  startedEvent,
  tell,
} from "../contract/session-routes/harness.ts";
import type { FakeRunner } from "../support/fake-runner.ts";
import { loopDevice, mount } from "../support/loop-device.ts";
import { freshDir, freshRunner, sessionOf, startServer } from "../support/server-process.ts";
import { waitFor } from "../support/wait-for.ts";

const IMAGE_BYTES = 64 * 1024 * 1024;
const NAMES = ["a", "b", "c"];
/** Before the first session, and after runs of some. */
const ROUNDS = 2;
/** For tests that start some servers, where others run beside them. */
const TIMEOUT_MS = 300_000;
const EVENTS = Array.from({ length: 30 }, (_, i) =>
  JSON.stringify({ type: "CUSTOM", name: `n${i}`, value: "x".repeat(700) }),
);

/** A file system on a device whose power can fail: what it has is copied while it is used. */
async function startDevice() {
  const dir = await freshDir();
  const image = join(dir, "image");
  const data = join(dir, "data");
  await mkdir(data);
  loopDevice(image, IMAGE_BYTES, ["mkfs.ext4", "-q", "-F"]);
  mount(image, data);
  let losses = 0;
  return {
    dir: data,
    /** What a machine finds that starts after the power has failed just now; nothing is flushed. */
    async losePower(): Promise<{ dir: string; env: Record<string, string>; before: string }> {
      const name = join(dir, `loss-${losses++}`);
      const crash = `${name}.image`;
      await copyFile(image, crash);
      const found = `${name}.data`;
      await mkdir(found);
      mount(crash, found);
      const bootId = `${name}.boot`;
      await writeFile(bootId, `0000-${name}\n`);
      return {
        dir: found,
        env: { STORAGE_URL: `file:${found}/store` },
        // another run of the machine, as far as the server can tell
        before: `exec unshare -m sh -c 'mount --bind ${bootId} /proc/sys/kernel/random/boot_id && exec "$@"' sh "$@"`,
      };
    },
  };
}

async function play(session: SessionClient, runner: FakeRunner, runId: string): Promise<string[]> {
  runner.script((exchange) =>
    tell(exchange, [startedEvent(runId), ...EVENTS, finishedEvent(runId)]),
  );
  await session.run(runBody(runId));
  return session.settled(runId);
}

it.each(["interval", "always"])(
  "a server whose power fails at any moment after its first start starts again, with every run that ended (%s)",
  async (RUNLOG_FSYNC) => {
    const device = await startDevice();
    const runner = await freshRunner();
    const env = { RUNLOG_FSYNC, RUNNER_URL: runner.address };
    const server = await startServer({ env: { ...env, STORAGE_URL: `file:${device.dir}/store` } });
    for (let round = 0; round < ROUNDS; round++) {
      const known = new Map<string, string[]>();
      // the first round is before the first session
      for (const name of round === 0 ? [] : NAMES)
        known.set(name, await play(sessionOf(server, runner, name), runner, `r${round}`));
      const found = await device.losePower();
      const next = await startServer({ env: { ...env, ...found.env }, before: found.before });
      for (const [name, lines] of known) {
        const session = sessionOf(next, runner, name);
        // the end of a run is on the device before anybody sees it, and so is what came before
        expect((await session.lines()).slice(0, lines.length)).toEqual(lines);
        expect(await session.agentStatus()).toBe("idle");
        for (const line of await session.lines("")) expect(JSON.parse(line)).toBeTypeOf("object");
      }
      const fresh = sessionOf(next, runner, "fresh");
      expect((await play(fresh, runner, "new")).at(-1)).toBe(finishedEvent("new"));
      next.kill("SIGKILL");
      await next.exited;
    }
  },
  TIMEOUT_MS,
);

it(
  "a run that the power's failure has cut short is ended by the next start",
  { timeout: TIMEOUT_MS },
  async () => {
    const device = await startDevice();
    const runner = await freshRunner();
    const env = { RUNNER_URL: runner.address };
    const server = await startServer({ env: { ...env, STORAGE_URL: `file:${device.dir}/store` } });
    const session = sessionOf(server, runner);
    const held = Promise.withResolvers<void>();
    onTestFinished(() => held.resolve());
    runner.script(async (exchange) => {
      await exchange.answer(200, { "Content-Type": "text/event-stream" });
      for (const event of [startedEvent(), ...EVENTS]) await exchange.write(`data: ${event}\n\n`);
      await held.promise;
    });
    await session.run();
    await waitFor(async () => (await session.lines()).length >= EVENTS.length, {
      what: "its events",
    });
    // the device is asked for them within the second
    execFileSync("sync", ["-f", device.dir]);
    const found = await device.losePower();
    const next = await startServer({ env: { ...env, ...found.env }, before: found.before });
    const lines = await sessionOf(next, runner).lines();
    expect(JSON.parse(lines.at(-1) ?? "")).toMatchObject({
      type: "RUN_ERROR",
      code: "server-restarted",
    });
    expect(await sessionOf(next, runner).agentStatus()).toBe("idle");
  },
);
