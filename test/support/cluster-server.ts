import {
  createMemoryAuthorizer,
  createMemoryDirectory,
  createMemoryLogStore,
  createMemoryPlatform,
  type MemoryPlatformOptions,
  type MemoryUser,
} from "../../adapters/memory/index.ts";
import type { ServiceLimits } from "../../src/core/service.ts";
import type { Access, Authorizer } from "../../src/ports/authorizer.ts";
import type { Clock } from "../../src/ports/clock.ts";
import { RunlogError } from "../../src/ports/errors.ts";
import type { LogStore, SessionKey } from "../../src/ports/log-store.ts";
import type { NewSession, SessionDirectory } from "../../src/ports/session-directory.ts";
import type { SessionRoutesHarness } from "../contract/session-routes/index.ts";
import { createTestServer } from "./test-server.ts";

/** Tokens of users whose rights are as their names say, in the project `p1`. */
export const EDITOR = "token-of-the-editor";
export const VIEWER = "token-of-the-viewer";
export const STRANGER = "token-of-the-stranger";
/** The account of the runner of `p1/s1`: nothing but its own session. */
export const RUNNER = "token-of-the-runner";

export const KEY: SessionKey = { project: "p1", session: "s1" };
export const PROJECT = "/api/projects/p1/agentic-sessions";

const ALL = ["get", "list", "create", "update", "delete"] as const;

function users(): Map<string, MemoryUser> {
  return new Map<string, MemoryUser>([
    [EDITOR, { name: "ed:itor", groups: ["g"], grants: [{ project: "p1", verbs: ALL }] }],
    [VIEWER, { name: "viewer", grants: [{ project: "p1", verbs: ["get", "list"] }] }],
    [STRANGER, { name: "stranger", grants: [{ project: "p2", verbs: ALL }] }],
    [
      RUNNER,
      { name: "runner", grants: [{ project: "p1", verbs: ["get", "update"], session: "s1" }] },
    ],
  ]);
}

export interface ClusterServerOptions {
  readonly store?: LogStore;
  /** The sessions that a server before this one has made. Default: `p1/s1`. */
  readonly directory?: SessionDirectory;
  readonly clock?: Clock;
  readonly limits?: Partial<ServiceLimits>;
  readonly platform?: MemoryPlatformOptions;
  readonly models?: readonly string[];
}

/** What the API server does when it is asked something. */
type Behaviour = "answers" | "fails";

/**
 * The whole server in mode `kubernetes`, on doubles of the API server. `p1/s1` is there.
 */
export async function createClusterServer(options: ClusterServerOptions = {}) {
  const store = options.store ?? createMemoryLogStore();
  const table = users();
  const platform = createMemoryPlatform(options.platform);
  const asked: (Access | "identify" | "directory")[] = [];
  const logged: string[] = [];
  const state: { reviews: Behaviour; directory: Behaviour } = {
    reviews: "answers",
    directory: "answers",
  };
  const authorizer = watched(createMemoryAuthorizer(table), asked, () => state.reviews);
  const directories: SessionDirectory[] = [];
  const server = await createTestServer({
    store,
    ...(options.clock && { clock: options.clock }),
    ...(options.limits && { limits: options.limits }),
    ...(options.models && { models: options.models }),
    logger: recorder(logged),
    platform: (runnerUrl) => {
      const memory =
        options.directory ??
        createMemoryDirectory({ authorizer: createMemoryAuthorizer(table), runnerUrl });
      const here = { ...memory, addressOf: async () => runnerUrl };
      const directory = failing(here, () => {
        asked.push("directory");
        if (state.directory === "fails") throw apiServerDown("platform-failed");
      });
      directories.push(memory);
      return { authorizer, directory, platform };
    },
  });
  const [directory] = directories;
  if (!directory) throw new Error("No directory");
  if (!options.directory) await directory.create(KEY, SESSION);
  return {
    ...server,
    store,
    users: table,
    platform,
    /** The sessions, for somebody who may do everything and is never refused. */
    directory,
    /** What the API server was asked, oldest first. */
    asked,
    /** The lines of the server's log. */
    logged,
    state,
    /** The server as its clients with this token see it. */
    seenBy: (token: string): SessionRoutesHarness => ({
      ...server,
      fetch: (path, init = {}) =>
        server.fetch(path, {
          ...init,
          headers: { ...headersOf(init), Authorization: `Bearer ${token}` },
        }),
    }),
    /** Sends a request with a token, or none. */
    as: (token: string | null, method: string, path: string, body?: unknown) =>
      server.fetch(path, {
        method,
        headers: {
          ...(token !== null && { Authorization: `Bearer ${token}` }),
          ...(body !== undefined && { "Content-Type": "application/json" }),
        },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      }),
  };
}

export type ClusterServer = Awaited<ReturnType<typeof createClusterServer>>;

const SESSION: NewSession = { metadata: {}, spec: { displayName: "The session" } };

/** An error as an adapter makes it of what the API server says. */
function apiServerDown(code: "platform-failed" | "review-failed"): RunlogError {
  return new RunlogError(code, "connect ECONNREFUSED 10.0.0.1:6443");
}

function watched(
  authorizer: Authorizer,
  asked: (Access | "identify" | "directory")[],
  behaviour: () => Behaviour,
): Authorizer {
  return {
    async identify(claims) {
      // without a token that can be one nobody is asked
      if (claims.token) {
        asked.push("identify");
        if (behaviour() === "fails") throw apiServerDown("review-failed");
      }
      return authorizer.identify(claims);
    },
    async allows(caller, access, options) {
      asked.push(access);
      if (behaviour() === "fails") throw apiServerDown("review-failed");
      return authorizer.allows(caller, access, options);
    },
  };
}

/** The directory, of which everything that asks somebody calls `ask` first. */
function failing(directory: SessionDirectory, ask: () => void): SessionDirectory {
  return {
    ...directory,
    as: (caller) => failing(directory.as(caller), ask),
    get: async (key) => (ask(), directory.get(key)),
    create: async (key, session) => (ask(), directory.create(key, session)),
    update: async (key, change) => (ask(), directory.update(key, change)),
    delete: async (key) => (ask(), directory.delete(key)),
    page: async (...args) => (ask(), directory.page(...args)),
    projectsWith: async (session) => (ask(), directory.projectsWith(session)),
    addressOf: async (key) => (ask(), directory.addressOf(key)),
  };
}

function headersOf(init: RequestInit): Record<string, string> {
  return Object.fromEntries(new Headers(init.headers));
}

function recorder(lines: string[]) {
  const log = (event: string, facts: Readonly<Record<string, unknown>> = {}): void => {
    lines.push(`${event} ${JSON.stringify(facts, tellError)}`);
  };
  return { info: log, warn: log, error: log };
}

function tellError(_key: string, value: unknown): unknown {
  if (!(value instanceof Error)) return value;
  return { message: value.message, stack: value.stack, cause: value.cause };
}
