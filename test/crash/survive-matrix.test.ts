import { describe, expect, it } from "vitest";
import { createRandom, type Random } from "../../scripts/bench/random.ts";
import type { SseEvent } from "../contract/read-sse.ts";
import {
  finishedEvent,
  runBody,
  type SessionClient,
  startedEvent,
} from "../contract/session-routes/harness.ts";
import {
  type ResumableRun,
  type ResumableRunner,
  startResumableRunner,
} from "../support/resumable-runner.ts";
import type { FakeRunner } from "../support/fake-runner.ts";
import {
  freshDir,
  freshRunner,
  type ServerProcess,
  sessionOf,
  startServer,
} from "../support/server-process.ts";
import { waitFor } from "../support/wait-for.ts";

const SEED = Number(process.env["CRASH_SEED"] ?? Math.trunc(Math.random() * 2 ** 32));
console.info(`survive-matrix.test.ts: seed ${SEED}`);

const RUN = "r1";
const MIB = 1024 * 1024;
const START = '{"type":"TEXT_MESSAGE_START","messageId":"m","role":"assistant"}';
const END = '{"type":"TEXT_MESSAGE_END","messageId":"m"}';
const LATE = '{"type":"CUSTOM","name":"late","value":1}';

const delta = (random: Random): string =>
  JSON.stringify({
    type: "TEXT_MESSAGE_CONTENT",
    messageId: "m",
    delta: "ü😀 -".repeat(1 + random.integer(40)),
  });
const deltas = (random: Random): string[] =>
  Array.from({ length: 20 + random.integer(200) }, () => delta(random));

/** What the agent says before the fault, what is on its way then, and what it says later. */
interface Stage {
  readonly before: (random: Random) => string[];
  readonly during: string | null;
  readonly later: (random: Random) => string[];
}

const STAGES: Readonly<Record<string, Stage>> = {
  "before RUN_STARTED": {
    before: () => [],
    during: null,
    later: (random) => [startedEvent(RUN), START, ...deltas(random), END, finishedEvent(RUN)],
  },
  "in mid-text": {
    before: (random) => [startedEvent(RUN), START, ...deltas(random)],
    during: null,
    later: (random) => [...deltas(random), END, finishedEvent(RUN)],
  },
  "in a large event": {
    before: (random) => [startedEvent(RUN), START, ...deltas(random)],
    during: JSON.stringify({ type: "CUSTOM", name: "large", value: "x".repeat(8 * MIB) }),
    later: (random) => [...deltas(random), END, finishedEvent(RUN)],
  },
  "between RUN_FINISHED and the end": {
    before: (random) => [startedEvent(RUN), START, ...deltas(random), END, finishedEvent(RUN)],
    during: null,
    later: () => [LATE],
  },
};

interface World {
  readonly runner: ResumableRunner;
  readonly env: Readonly<Record<string, string>>;
  server: ServerProcess;
  /** No run is posted to it: sessions have one in these tests. */
  readonly nobody: FakeRunner;
}

const clientOf = ({ server, nobody }: World): SessionClient => sessionOf(server, nobody);

const restart = async (world: World): Promise<void> => {
  await world.server.exited;
  world.server = await startServer({ env: world.env });
};

const FAULTS: Readonly<Record<string, (world: World, meanwhile: () => void) => Promise<void>>> = {
  "kill -9 of the server": async (world, meanwhile) => {
    world.server.kill("SIGKILL");
    await world.server.exited;
    meanwhile();
    await restart(world);
  },
  "SIGTERM and a start": async (world, meanwhile) => {
    const began = performance.now();
    world.server.kill("SIGTERM");
    meanwhile();
    expect(await world.server.exited).toEqual({ code: 0, signal: null });
    expect(performance.now() - began).toBeLessThan(2_000);
    await restart(world);
  },
  "a reset connection": async ({ runner }, meanwhile) => {
    runner.behave("reset");
    runner.reset();
    meanwhile();
    runner.behave("serve");
  },
};

/** A viewer that comes back by its cursor. */
class Viewer {
  readonly seen: SseEvent[] = [];

  async follow(client: SessionClient, until: () => boolean): Promise<void> {
    const cursor = this.seen.at(-1)?.id;
    const { sse } = await client.watch("?view=raw", cursor ? { "Last-Event-ID": cursor } : {});
    try {
      for (let event = await sse.event(); event; event = await sse.event()) {
        this.seen.push(event);
        if (until()) break;
      }
      await sse.cancel();
    } catch {
      // broken off with its server
    }
  }
}

async function posted(world: World): Promise<ResumableRun> {
  await clientOf(world).run(runBody(RUN));
  return waitFor(() => world.runner.run(RUN), { what: "the posted run" });
}

describe("a run whose runner can be asked for the rest survives", () => {
  for (const [fault, act] of Object.entries(FAULTS))
    it.each(Object.entries(STAGES))(`${fault} %s`, async (stage, { before, during, later }) => {
      const random = createRandom(SEED + stage.length * 31 + fault.length);
      const runner = await startResumableRunner();
      const env = { STORAGE_URL: `file:${await freshDir()}`, RUNNER_URL: runner.address };
      const nobody = await freshRunner();
      const world: World = { runner, env, nobody, server: await startServer({ env }) };
      // the viewer finds the server again under the same address
      Object.assign(world, { env: { ...env, PORT: new URL(world.server.url).port } });
      const run = await posted(world);
      const said = before(random);
      run.say(...said);
      await waitFor(async () => (await clientOf(world).lines()).length === said.length + 1);
      const viewer = new Viewer();
      const stored = 1 + said.length;
      await viewer.follow(clientOf(world), () => viewer.seen.length >= random.integer(stored) + 1);
      if (during !== null) {
        run.sayInPart(during);
        said.push(during);
      }
      const rest = later(random);
      const some = random.integer(rest.length);
      await act(world, () => run.say(...rest.slice(0, some)));
      run.say(...rest.slice(some));
      run.end();
      said.push(...rest);
      const client = clientOf(world);
      await waitFor(() => run.isAcknowledged, { what: "the acknowledgement" });
      const lines = await client.lines();
      expect(lines.slice(1).map((line) => line.slice(0, 200))).toEqual(
        said.map((line) => line.slice(0, 200)),
      );
      expect(lines.slice(1)).toEqual(said);
      await waitFor(async () => (await client.agentStatus()) === "idle");
      await viewer.follow(client, () => viewer.seen.length === lines.length);
      expect(viewer.seen.map(({ data }) => data)).toEqual(lines);
      // nothing is left of it: the next start has nothing to take up
      const asked = runner.requests.length;
      world.server.kill("SIGTERM");
      await restart(world);
      expect(await clientOf(world).lines()).toEqual(lines);
      expect(runner.requests.slice(asked).filter((request) => request.includes("/runs/"))).toEqual(
        [],
      );
    });
});
