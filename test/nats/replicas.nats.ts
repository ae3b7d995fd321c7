import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { createMemoryObjectBucket } from "../../adapters/memory/index.ts";
import { createObjectLogStore } from "../../adapters/object/index.ts";
import type { NatsServer } from "../../scripts/nats/nats-server.ts";
import { systemClock } from "../../src/entry/system-clock.ts";
import type { Clock } from "../../src/ports/clock.ts";
import {
  finishedEvent,
  openRunner,
  runBody,
  SessionClient,
  startedEvent,
} from "../contract/session-routes/harness.ts";
import { createManualClock } from "../support/manual-clock.ts";
import { BUCKET, type S3Server, startS3Server } from "../support/s3-server.ts";
import {
  freshRunner,
  harnessOf,
  type ServerProcess,
  sessionOf,
  startServer,
} from "../support/server-process.ts";
import { createTestServer } from "../support/test-server.ts";
import { waitFor } from "../support/wait-for.ts";
import { freshFeed, freshNats } from "./server.ts";

let s3: S3Server;
beforeAll(async () => {
  s3 = await startS3Server();
});
afterAll(() => s3.close());

const custom = (value: number): string => `{"type":"CUSTOM","name":"n","value":${value}}`;

/** A server of its own on the bucket, with a feed by NATS. */
async function replica(
  nats: NatsServer,
  bucket: ReturnType<typeof createMemoryObjectBucket>,
  clock: Clock,
) {
  const { feed } = await freshFeed({ RUNLOG_NATS_URL: nats.url });
  await waitFor(() => feed.hearsOthers, { what: "NATS" });
  const store = createObjectLogStore({ bucket, clock: systemClock, batchMs: 5 });
  const server = await createTestServer({ store, feed, clock });
  onTestFinished(() => server.dispose());
  return server;
}

describe("a viewer at a replica that does not have the session", () => {
  it("sees each event by NATS alone: the clock by which its server looks at the store stands still", async () => {
    const nats = await freshNats();
    const bucket = createMemoryObjectBucket();
    const owner = await replica(nats, bucket, systemClock);
    const other = await replica(nats, bucket, createManualClock(Date.now()));
    const runner = await openRunner(owner, () => new SessionClient(owner).run());
    const { sse } = await new SessionClient(other).watch("?view=raw");
    await firstOf(
      sse.until(({ data }) => data === custom(0)),
      () => runner.write(`data: ${custom(0)}\n\n`),
    );
    for (let i = 1; i < 20; i++) {
      await runner.write(`data: ${custom(i)}\n\n`);
      await sse.until(({ data }) => data === custom(i));
    }
    await runner.write(`data: ${finishedEvent()}\n\n`);
    await sse.until(({ data }) => data === finishedEvent());
    await runner.end();
    await sse.cancel();
  });

  it("is told that it was deleted", async () => {
    const nats = await freshNats();
    const bucket = createMemoryObjectBucket();
    const owner = await replica(nats, bucket, systemClock);
    const other = await replica(nats, bucket, createManualClock(Date.now()));
    const session = new SessionClient(owner);
    await session.play([startedEvent(), finishedEvent()]);
    const { sse } = await new SessionClient(other).watch("?view=raw");
    await sse.until(({ data }) => data === finishedEvent());
    const runner = await openRunner(owner, () => session.run(runBody("r2")));
    await firstOf(
      sse.until(({ data }) => data === custom(1)),
      () => runner.write(`data: ${custom(1)}\n\n`),
    );
    await runner.write(`data: ${finishedEvent("r2")}\n\n`);
    await runner.end();
    await sse.until(({ data }) => data === finishedEvent("r2"));
    expect((await session.get("", {}, "DELETE")).status).toBeLessThan(300);
    expect(await sse.rest()).toEqual([]);
  });
});

/** Repeats `again` until `result` is there: the first message after a subscription may be lost. */
async function firstOf<T>(result: Promise<T>, again: () => Promise<void>): Promise<T> {
  let isThere = false;
  void result.finally(() => {
    isThere = true;
  });
  await waitFor(async () => {
    if (!isThere) await again();
    return isThere;
  });
  return result;
}

interface Pair {
  readonly owner: ServerProcess;
  readonly other: ServerProcess;
  readonly runner: Awaited<ReturnType<typeof freshRunner>>;
}

async function startPair(natsUrl: string): Promise<Pair> {
  const runner = await freshRunner();
  const env = {
    STORAGE_URL: `s3://${BUCKET}/${crypto.randomUUID()}`,
    AWS_ENDPOINT_URL_S3: s3.endpoint,
    AWS_ACCESS_KEY_ID: s3.credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: s3.credentials.secretAccessKey,
    RUNNER_URL: runner.address,
    RUNLOG_NATS_URL: natsUrl,
  };
  const [owner, other] = await Promise.all([startServer({ env }), startServer({ env })]);
  return { owner, other, runner };
}

/** The events about the feed that a server has logged, in order. */
function toldBy(server: ServerProcess): string[] {
  return server
    .stderr()
    .split("\n")
    .flatMap((line) => /"event":"(live-feed-[a-z]+)"/.exec(line)?.[1] ?? []);
}

describe("two servers on one bucket", () => {
  it("show a run that goes on while NATS is restarted and then stays away, exactly, and say what happened once", async () => {
    const nats = await freshNats();
    const { owner, other, runner } = await startPair(nats.url);
    const exchange = await openRunner(harnessOf(owner, runner), () =>
      sessionOf(owner, runner).run(),
    );
    const { sse } = await sessionOf(other, runner).watch("?view=raw");
    const seen: string[] = [];
    let written = 0;
    const pass = async (count: number): Promise<void> => {
      for (const upTo = written + count; written < upTo; written++) {
        await exchange.write(`data: ${custom(written)}\n\n`);
        const events = await sse.until(({ data }) => data === custom(written));
        seen.push(...events.map(({ data }) => data));
      }
    };
    await pass(20);
    expect([toldBy(owner), toldBy(other)]).toEqual([[], []]);
    await nats.stop();
    await waitFor(() => toldBy(other).length > 0, { what: "an outage" });
    // by the look of every second
    await pass(3);
    await nats.start();
    const once = ["live-feed-away", "live-feed-back"];
    await waitFor(() => toldBy(owner).length > 1 && toldBy(other).length > 1);
    await pass(20);
    expect([toldBy(owner), toldBy(other)]).toEqual([once, once]);
    await nats.stop();
    await pass(3);
    await exchange.write(`data: ${finishedEvent()}\n\n`);
    await exchange.end();
    const last = await sse.until(({ data }) => data === finishedEvent());
    seen.push(...last.map(({ data }) => data));
    await sse.cancel();
    expect(seen).toEqual(await sessionOf(owner, runner).lines());
  });

  it("start without NATS, are ready and serve, and say so once", async () => {
    const nats = await freshNats("", true);
    const { owner, other, runner } = await startPair(nats.url);
    for (const server of [owner, other]) {
      expect((await server.fetch("/ready")).status).toBe(200);
      await waitFor(() => toldBy(server).length > 0, { what: "a warning" });
    }
    const exchange = await openRunner(harnessOf(owner, runner), () =>
      sessionOf(owner, runner).run(),
    );
    const { sse } = await sessionOf(other, runner).watch("?view=raw");
    await exchange.write(`data: ${custom(1)}\n\n`);
    await sse.until(({ data }) => data === custom(1));
    expect([toldBy(owner), toldBy(other)]).toEqual([["live-feed-away"], ["live-feed-away"]]);
    await exchange.end();
    await sse.cancel();
    owner.kill("SIGTERM");
    expect((await owner.exited).code).toBe(0);
  });
});
