import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { createRandom, type Random } from "../../scripts/bench/random.ts";
import type { SseEvent } from "../contract/read-sse.ts";
import {
  finishedEvent,
  runBody,
  type SessionClient,
  startedEvent,
  type Watch,
} from "../contract/session-routes/harness.ts";
import { type AgentRun, type AgentServer, startAgentServer } from "../support/agent-server.ts";
import type { FakeRunner } from "../support/fake-runner.ts";
import { BUCKET, type S3Server, startS3Server } from "../support/s3-server.ts";
import {
  freshDir,
  freshRunner,
  type ServerProcess,
  sessionOf,
  startServer,
} from "../support/server-process.ts";
import { startTcpProxy, type TcpProxy } from "../support/tcp-proxy.ts";
import { waitFor } from "../support/wait-for.ts";

const SEED = Number(process.env["CRASH_SEED"] ?? Math.trunc(Math.random() * 2 ** 32));
/** `npm run test:crash` meets each fault on each store, `npm test` on one of them. */
const isLong = process.env["CRASH_CYCLES"] !== undefined;
console.info(`survive-matrix.test.ts: seed ${SEED}`);

const MIB = 1024 * 1024;
const LARGE_BYTES = 24 * MIB;
const START = '{"type":"TEXT_MESSAGE_START","messageId":"m","role":"assistant"}';
const END = '{"type":"TEXT_MESSAGE_END","messageId":"m"}';
const LATE = '{"type":"CUSTOM","name":"late","value":1}';
/** A connection that is silent for so long is broken off; an idle one sooner than a relay's comments come. */
const SILENCE = "2s";

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
  readonly before: (runId: string, random: Random) => string[];
  readonly during: string | null;
  readonly later: (runId: string, random: Random) => string[];
}

const STAGES: Readonly<Record<string, Stage>> = {
  "before RUN_STARTED": {
    before: () => [],
    during: null,
    later: (runId, random) => [
      startedEvent(runId),
      START,
      ...deltas(random),
      END,
      finishedEvent(runId),
    ],
  },
  "in mid-text": {
    before: (runId, random) => [startedEvent(runId), START, ...deltas(random)],
    during: null,
    later: (runId, random) => [...deltas(random), END, finishedEvent(runId)],
  },
  "in an event of 24 MiB": {
    before: (runId, random) => [startedEvent(runId), START, ...deltas(random)],
    during: JSON.stringify({ type: "CUSTOM", name: "large", value: "x".repeat(LARGE_BYTES) }),
    later: (runId, random) => [...deltas(random), END, finishedEvent(runId)],
  },
  "between RUN_FINISHED and the end": {
    before: (runId, random) => [
      startedEvent(runId),
      START,
      ...deltas(random),
      END,
      finishedEvent(runId),
    ],
    during: null,
    later: () => [LATE],
  },
};

/** Agent, relay, wire, server: each may break but the first. */
interface World {
  readonly agent: AgentServer;
  relay: ServerProcess;
  readonly wire: TcpProxy;
  server: ServerProcess;
  restartServer(): Promise<void>;
  restartRelay(): Promise<void>;
  /** No run is posted to it: sessions have one in these tests. */
  readonly nobody: FakeRunner;
}

interface Fault {
  readonly act: (world: World, meanwhile: () => void) => Promise<void>;
  readonly env?: Readonly<Record<string, string>>;
  /** Whether the agent loses its connection: then its runs end here. */
  readonly endsRuns?: boolean;
}

const FAULTS: Readonly<Record<string, Fault>> = {
  "a kill -9 of the server": {
    async act(world, meanwhile) {
      world.server.kill("SIGKILL");
      await world.server.exited;
      meanwhile();
      await world.restartServer();
    },
  },
  "SIGTERM and a start": {
    async act(world, meanwhile) {
      world.server.kill("SIGTERM");
      meanwhile();
      expect(await world.server.exited).toEqual({ code: 0, signal: null });
      await world.restartServer();
    },
  },
  "a reset of all connections": {
    async act({ wire }, meanwhile) {
      wire.reset();
      meanwhile();
    },
  },
  "connections that stay open and silent": {
    env: { RUNLOG_RUNNER_SILENCE: SILENCE },
    async act({ wire }, meanwhile) {
      wire.freeze();
      meanwhile();
    },
  },
  "a kill -9 of the relay": {
    endsRuns: true,
    async act(world, meanwhile) {
      world.relay.kill("SIGKILL");
      await world.relay.exited;
      meanwhile();
      await world.restartRelay();
    },
  },
};

let s3: S3Server;
beforeAll(async () => {
  s3 = await startS3Server();
});
afterAll(() => s3.close());

const STORES: Readonly<Record<string, () => Promise<Record<string, string>>>> = {
  "on disk": async () => ({ STORAGE_URL: `file:${await freshDir()}` }),
  "on an object store": async () => ({
    STORAGE_URL: `s3://${BUCKET}/${crypto.randomUUID()}`,
    AWS_ENDPOINT_URL_S3: s3.endpoint,
    AWS_ACCESS_KEY_ID: s3.credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: s3.credentials.secretAccessKey,
  }),
};

const portOf = ({ url }: ServerProcess): string => new URL(url).port;

async function startWorld(storage: Readonly<Record<string, string>>): Promise<World> {
  const agent = await startAgentServer();
  const dir = await freshDir();
  const startRelay = (port: string): Promise<ServerProcess> =>
    startServer({
      args: ["relay", "--agent", agent.address, "--port", port, "--dir", dir],
    });
  const relay = await startRelay("0");
  const relayPort = portOf(relay);
  const wire = await startTcpProxy(Number(relayPort));
  // a stop waits for the relay to say that the run can be taken up, where the agent has not answered
  const env = { RUNLOG_DRAIN: "1m", ...storage, RUNNER_URL: `http://127.0.0.1:${wire.port}/` };
  const server = await startServer({ env });
  const port = portOf(server);
  const world: World = {
    agent,
    relay,
    wire,
    server,
    nobody: await freshRunner(),
    async restartServer() {
      // viewers find it again under the same address
      world.server = await startServer({ env: { ...env, PORT: port } });
    },
    async restartRelay() {
      world.relay = await startRelay(relayPort);
    },
  };
  return world;
}

/** A viewer that comes back by its cursor, whatever ends its stream. */
class Viewer {
  readonly seen: SseEvent[] = [];
  readonly #client: () => SessionClient;
  readonly #random: Random;
  #isDone = false;
  readonly done: Promise<void>;

  constructor(client: () => SessionClient, random: Random) {
    this.#client = client;
    this.#random = random;
    this.done = this.#watch();
  }

  /** Resolves once it has seen so many events. */
  async sees(count: number): Promise<void> {
    const what = (): string => `event ${this.seen.length + 1} of ${count} at the viewer`;
    await waitFor(() => this.seen.length >= count).catch((cause: unknown) => {
      throw new Error(`No ${what()}`, { cause });
    });
  }

  async stop(): Promise<void> {
    this.#isDone = true;
    await this.done;
  }

  async #watch(): Promise<void> {
    onTestFinished(() => {
      this.#isDone = true;
    });
    while (!this.#isDone) {
      const cursor = this.seen.at(-1)?.id;
      const headers: Record<string, string> = cursor ? { "Last-Event-ID": cursor } : {};
      const watch = await waitFor<Watch | true>(async () => {
        if (this.#isDone) return true;
        return this.#client()
          .watch("?view=raw", headers)
          .catch(() => null);
      });
      if (watch !== true) await this.#follow(watch, 1 + this.#random.integer(300));
    }
  }

  /** Goes by itself after some events, too. */
  async #follow({ sse }: Watch, most: number): Promise<void> {
    const look = setInterval(() => {
      if (this.#isDone) void sse.cancel();
    }, 50);
    try {
      for (let count = 0; count < most; count++) {
        const event = await sse.event();
        if (!event) break;
        this.seen.push(event);
      }
      await sse.cancel();
    } catch {
      // broken off with its server
    } finally {
      clearInterval(look);
    }
  }
}

/** One run in a session of its own, at one stage. */
interface Cell {
  readonly stage: string;
  readonly session: string;
  readonly runId: string;
  readonly run: AgentRun;
  readonly said: string[];
  readonly rest: string[];
  readonly viewer: Viewer;
  /** Sends what is left of the event that the fault cut. */
  readonly finishEvent: () => void;
}

/** The agent says what comes next. */
function goOn({ run, said, rest }: Cell, count: number): void {
  const next = rest.splice(0, count);
  run.say(...next);
  said.push(...next);
}

/** Brings a run to its stage. */
async function reach(stage: string, place: number, world: World, random: Random): Promise<Cell> {
  const { before, during, later } = STAGES[stage]!;
  const session = `s${place}`;
  const runId = `r${place}`;
  const client = (): SessionClient => sessionOf(world.server, world.nobody, session);
  await client().run(runBody(runId));
  const run = await waitFor(() => world.agent.run(runId), { what: "the posted run" });
  const said = before(runId, random);
  run.say(...said);
  await waitFor(async () => (await client().lines()).length === said.length + 1);
  const viewer = new Viewer(client, random);
  let finishEvent = (): void => {};
  if (during !== null) {
    const passed = world.wire.passedBytes;
    const part = random.integer(LARGE_BYTES / 2);
    const sayRest = run.sayInPart(during);
    finishEvent = () => {
      sayRest();
      said.push(during);
    };
    await waitFor(() => world.wire.passedBytes - passed > part, { what: "a part of the event" });
  }
  return { stage, session, runId, run, said, rest: later(runId, random), viewer, finishEvent };
}

/** What the log must have after the line that was posted. */
function expectedLines({ stage, runId, said }: Cell, endsRuns: boolean): unknown[] {
  if (!endsRuns || said.includes(finishedEvent(runId))) return [...said];
  const error = { type: "RUN_ERROR", code: "relay-restarted", runId };
  const started = { type: "RUN_STARTED", runId };
  const added = stage === "before RUN_STARTED" ? [started, error] : [error];
  return [...said, ...added.map((event) => expect.objectContaining(event) as unknown)];
}

async function expectWhole(cell: Cell, world: World, endsRuns: boolean): Promise<void> {
  const { stage, session, runId, run, viewer } = cell;
  const client = sessionOf(world.server, world.nobody, session);
  const expected = expectedLines(cell, endsRuns);
  await viewer.sees(1 + expected.length).catch(async (cause: unknown) => {
    const lines = (await client.lines()).slice(-3).map((line) => line.slice(0, 200));
    throw new Error(`${stage}: the log ends with ${lines.join(" ")}`, { cause });
  });
  await waitFor(async () => (await client.agentStatus()) === "idle");
  // an end that is stored is acknowledged, and the relay keeps nothing of the run
  await waitFor(async () => (await world.relay.fetch(`/runs/${runId}/events`)).status === 404, {
    what: "the acknowledgement",
  });
  const lines = await client.lines();
  const found = lines.slice(1).map((line, place) => {
    const isOwn = typeof expected[place] !== "string";
    return isOwn ? (JSON.parse(line) as unknown) : line;
  });
  // first without what makes a difference unreadable
  const brief = (line: unknown): unknown => (typeof line === "string" ? line.slice(0, 200) : line);
  expect(found.map(brief), stage).toEqual(expected.map(brief));
  expect(found).toEqual(expected);
  await viewer.stop();
  expect(viewer.seen.map(({ data }) => data)).toEqual(lines);
  expect(run.isBroken, `whether the agent noticed, ${stage}`).toBe(endsRuns);
}

describe("a run behind a relay survives", () => {
  const names = Object.keys(STORES);
  for (const [place, [name, fault]] of Object.entries(FAULTS).entries()) {
    const chosen = isLong ? names : [names[(SEED + place) % names.length]!];
    it.each(chosen)(`${name}, at any stage %s`, async (store) => {
      const { act, env = {}, endsRuns = false } = fault;
      const random = createRandom(SEED + place);
      const world = await startWorld({ ...(await STORES[store]!()), ...env });
      const cells: Cell[] = [];
      for (const stage of Object.keys(STAGES))
        cells.push(await reach(stage, cells.length, world, random));
      // what an agent says whose connection has gone nobody gets
      const spoken = endsRuns ? [] : cells;
      await act(world, () => {
        for (const cell of spoken) {
          cell.finishEvent();
          goOn(cell, random.integer(cell.rest.length));
        }
      });
      for (const cell of spoken) {
        goOn(cell, Infinity);
        cell.run.end();
      }
      for (const cell of cells) await expectWhole(cell, world, endsRuns);
      expect(world.agent.posts).toBe(cells.length);
    });
  }
});
