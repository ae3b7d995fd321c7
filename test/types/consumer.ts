// A host that embeds runlog, written as a user would: it has to compile against what is built.
import type { AbstractAgent } from "@ag-ui/client";
import { Hono } from "hono";
import {
  type Clock,
  type Config,
  createApp,
  createRunlog,
  createSessionRoutes,
  createSessionService,
  type LiveFeed,
  type Logger,
  type LogStore,
  type ObjectBucket,
  parseConfig,
  type RunnerClient,
  type Runlog,
  RunlogError,
  type RunlogErrorCode,
  type SessionDirectory,
  type SessionService,
} from "runlog";
import { RunlogAgent } from "runlog/agent";
import { createSessionClient, type SessionClient, SessionClientError } from "runlog/client";
import { createDemoRunner } from "runlog/demo";
import { createDiskLogStore, createDiskSpool } from "runlog/disk";
import { createLocalAuthorizer, createLocalDirectory, createLocalPlatform } from "runlog/local";
import { createMemoryLiveFeed, createMemoryLogStore } from "runlog/memory";
import {
  createNatsLiveFeed,
  type NatsConnectionLike,
  type NatsLiveFeed,
  type NatsOptions,
} from "runlog/nats";
import { createObjectLogStore } from "runlog/object";
import { createR2Bucket, type R2BucketLike } from "runlog/r2";
import { createS3Bucket } from "runlog/s3";
import { type RunningServer, start } from "runlog/node";
import { useRunlogSession } from "runlog/react";
import { createMemorySpool, createRelay, type Relay, type RelaySpool } from "runlog/relay";
import { createHttpRunnerClient, type HttpRunnerClientOptions } from "runlog/runner-http";
import { liveFeedContract, logStoreContract } from "runlog/testing";
import worker, { RunlogObject } from "runlog/worker";

const clock: Clock = {
  now: () => Date.now(),
  after(ms, fn) {
    const timer = setTimeout(fn, ms);
    return () => clearTimeout(timer);
  },
  every(ms, fn) {
    const timer = setInterval(fn, ms);
    return () => clearInterval(timer);
  },
};

const logger: Logger = {
  info: (event, facts) => console.info(event, facts),
  warn: (event, facts) => console.warn(event, facts),
  error: (event, facts) => console.error(event, facts),
};

/** The routes in somebody else's app, with runners over HTTP. */
export async function embed(intakeBudget: HttpRunnerClientOptions["intakeBudget"]): Promise<Hono> {
  const store: LogStore = createDiskLogStore({ dir: "/data", fsync: "always", logger });
  const feed: LiveFeed = createMemoryLiveFeed();
  const directory: SessionDirectory = createLocalDirectory({
    store,
    runnerUrl: "http://{session}.{project}.svc:8001/",
  });
  const runner: RunnerClient = createHttpRunnerClient({ fetch, clock, intakeBudget });
  const service: SessionService = await createSessionService({
    store,
    feed,
    directory,
    runner,
    authorizer: createLocalAuthorizer(),
    platform: createLocalPlatform(),
    clock,
    logger,
    limits: { heartbeatMs: 10_000 },
  });
  return new Hono().route(
    "/api/projects/:projectName/agentic-sessions",
    createSessionRoutes(service),
  );
}

/** An adapter of one's own: a store that counts what is appended. */
export function createCountingStore(count: (bytes: number) => void): LogStore {
  const store = createMemoryLogStore();
  return {
    ...store,
    async append(key, bytes, options) {
      const before = options.expectedEnd;
      const end = await store.append(key, bytes, options);
      count(end - before);
      return end;
    },
  };
}

logStoreContract("counting", {
  async create() {
    const store = createCountingStore(() => {});
    return { store, dispose: () => store.close() };
  },
});
liveFeedContract("memory", {
  create: async () => ({ feed: createMemoryLiveFeed(), other: null, dispose: async () => {} }),
});

/** A feed between processes; the library's own types ask for more than this program's. */
export function feedOverNats(
  connect: (options: NatsOptions & { servers: string[] }) => Promise<NatsConnectionLike>,
): NatsLiveFeed {
  const servers = ["nats://127.0.0.1:4222"];
  return createNatsLiveFeed({
    connect: (options) => connect({ ...options, servers }),
    clock,
    logger,
    prefix: "runlog.test",
  });
}

/** The whole app on a demo runner, for a runtime without Node. */
export async function demo(intakeBudget: HttpRunnerClientOptions["intakeBudget"]): Promise<Hono> {
  const store = createMemoryLogStore({ maxBytes: 1_000_000 });
  const play = createDemoRunner({ clock, speed: 10 });
  const service = await createSessionService({
    store,
    feed: createMemoryLiveFeed(),
    directory: createLocalDirectory({ store, runnerUrl: "http://{session}.demo.invalid/" }),
    runner: createHttpRunnerClient({
      fetch: (url, init) => play(new Request(url, init)),
      clock,
      intakeBudget,
    }),
    authorizer: createLocalAuthorizer(),
    platform: createLocalPlatform(),
    clock,
    logger,
  });
  return createApp({ service, listenHost: null });
}

/** An agent that carries its relay with it. */
export async function carry(
  agent: (request: Request) => Promise<Response>,
  dir: string | null,
): Promise<Relay> {
  const spool: RelaySpool = dir === null ? createMemorySpool() : await createDiskSpool({ dir });
  return createRelay({ fetch: (url, init) => agent(new Request(url, init)), spool, clock, logger });
}

/** A server inside a host's own, with an agent of the standard's library. */
export async function embedAgent(agent: AbstractAgent): Promise<Hono> {
  const runlog: Runlog = await createRunlog({
    runner: agent,
    authorize: (c) => (c.req.header("Cookie") ? { user: "ann", may: () => true } : null),
  });
  return new Hono().route("/sessions", runlog.routes);
}

/** A host that asks its own sessions, and others. */
export async function ask({ client }: Runlog): Promise<number> {
  const others: SessionClient = createSessionClient({
    url: "https://agents.example/api/projects/demo/agentic-sessions",
    headers: async () => ({ Authorization: "Bearer token" }),
  });
  try {
    for await (const { event, cursor } of client.session("hello").events({ view: "raw" }))
      if (cursor !== null && event.type === "RUN_FINISHED") break;
    return (await others.list({ limit: 10 })).totalCount;
  } catch (error) {
    return error instanceof SessionClientError ? (error.status ?? 0) : 0;
  }
}

/** What a component has of a session. */
export function useLastWord(threadId: string): [string, () => Promise<void>] {
  const { messages, status, send } = useRunlogSession({ url: "/sessions", threadId });
  return [`${status}: ${String(messages.at(-1)?.content)}`, () => send("Go on")];
}

/** A page's agent, in place of an `HttpAgent`. */
export async function chat(threadId: string): Promise<AbstractAgent> {
  const agent = new RunlogAgent({ url: "/sessions", threadId, headers: { "X-Tenant": "a" } });
  await agent.connectAgent();
  return agent.clone();
}

/** The server as it is shipped. */
export async function serve(env: Record<string, string | undefined>): Promise<string> {
  const config: Config = parseConfig(env);
  const server: RunningServer = await start(config, logger);
  return server.url;
}

export function isGone(error: unknown): boolean {
  const gone: RunlogErrorCode = "log-not-found";
  return error instanceof RunlogError && error.code === gone;
}

export class MyRunlogObject extends RunlogObject {}
/** The worker, as a module that a platform loads by its default export. */
export const handler: { fetch(request: Request, env: never): Promise<Response> } = worker;

// @ts-expect-error -- what is not in the exports map cannot be imported
export type { SessionService as Inner } from "runlog/dist/src/core/service.js";
// @ts-expect-error -- an unknown setting is told
export const wrong = (): LogStore => createDiskLogStore({ dir: "/data", fsnyc: "always" });

/** Logs on whatever stores objects. */
export function onObjects(binding: R2BucketLike | null): LogStore {
  const bucket: ObjectBucket =
    binding === null ? createS3Bucket({ bucket: "logs" }) : createR2Bucket(binding);
  return createObjectLogStore({ bucket, clock, prefix: "runlog/", exclusive: binding !== null });
}
