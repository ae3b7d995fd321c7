import type { Authorizer, Caller } from "../../src/ports/authorizer.ts";
import type { Clock } from "../../src/ports/clock.ts";
import { RunlogError } from "../../src/ports/errors.ts";
import type { SessionKey } from "../../src/ports/log-store.ts";
import type {
  SessionDirectory,
  SessionPage,
  SessionQuery,
} from "../../src/ports/session-directory.ts";
import { bySessionAge, searchFor, type SessionRow } from "../../src/ports/session-order.ts";
import { idOf } from "../../src/ports/session-id.ts";
import { backOffMs } from "../../src/stream/sync/back-off.ts";
import { pause } from "../../src/stream/sync/pause.ts";
import { createKeyedMutex, type KeyedMutex } from "../../src/stream/sync/keyed-mutex.ts";
import { runnerAddress } from "./addresses.ts";
import { type Account, accountOf, type Api, OWN } from "./api.ts";
import { changedResource, documentOf, newResource, rowOf } from "./document.ts";
import { isRefusal, orNull } from "./failure.ts";
import { inParallel } from "./in-parallel.ts";
import type { ListCache } from "./list-cache.ts";
import { passOver } from "./list-pass.ts";
import type { Registry } from "./registry.ts";
import { type SessionResource, sessionPath, sessionsPath } from "./resources.ts";
import { parse } from "./watch.ts";

export interface DirectoryOptions {
  readonly api: Api;
  readonly clock: Clock;
  readonly registry: Registry;
  readonly runnerUrl: string;
  /** Null: every page is read from the API server, with the caller's token. */
  readonly cache: ListCache | null;
  /** Asked before a caller gets what was read with runlog's own account. */
  readonly authorizer: Pick<Authorizer, "allows">;
}

/** How often a change is made anew that others were faster than. */
const MAX_WRITES = 5;
const BACK_OFF = { firstMs: 20, maxMs: 320, jitter: 1 } as const;
const DOCUMENTS_AT_ONCE = 16;

/** A SessionDirectory over custom resources. It makes and changes nothing but these. */
export function createKubernetesDirectory(options: DirectoryOptions): SessionDirectory {
  return directoryFor(null, options, createKeyedMutex());
}

/** The directory for a caller, or (null) for runlog itself. */
function directoryFor(
  caller: Caller | null,
  options: DirectoryOptions,
  turns: KeyedMutex,
): SessionDirectory {
  const { api, clock, registry, runnerUrl, cache, authorizer } = options;
  const account: Account = caller ? accountOf(caller) : OWN;

  async function read(key: SessionKey, signal?: AbortSignal): Promise<SessionResource | null> {
    const request = { account, method: "GET", path: sessionPath(key), signal } as const;
    return orNull(api.json<SessionResource>(request), "NotFound");
  }

  /** Writes once; null when somebody else was faster or the session is gone. */
  async function write(key: SessionKey, body: unknown): Promise<SessionResource | null> {
    const request = { account, method: "PUT", path: sessionPath(key), body } as const;
    const written = await orNull(
      tooLarge(api.json<SessionResource>(request)),
      "Conflict",
      "NotFound",
    );
    if (written) cache?.wrote(written);
    return written;
  }

  /** The page as the API server lists it: one pass for names and times, then each document. */
  async function directPage(
    project: string,
    { limit, offset, search }: SessionQuery,
    signal?: AbortSignal,
  ): Promise<SessionPage> {
    const matches = searchFor(search);
    const rows: Pick<SessionRow, "session" | "createdAtMs">[] = [];
    const request = { account, path: sessionsPath(project), metadataOnly: search === "", signal };
    await passOver(api, request, {
      begin: () => (rows.length = 0),
      item(json) {
        const { createdAtMs, ...texts } = rowOf(parse<SessionResource>(json));
        if (matches(texts)) rows.push({ session: texts.session, createdAtMs });
      },
    });
    const wanted = rows.sort(bySessionAge).slice(offset, offset + limit);
    const found = await inParallel(wanted, DOCUMENTS_AT_ONCE, ({ session }) =>
      read({ project, session }, signal),
    );
    const documents = found.filter((resource) => resource !== null).map(documentOf);
    return { documents, totalCount: rows.length };
  }

  async function mayList(project: string, signal?: AbortSignal): Promise<boolean> {
    if (!caller) return true;
    const access = { project, session: null, verb: "list" } as const;
    return authorizer.allows(caller, access, signal && { signal });
  }

  const directory: SessionDirectory = {
    logsMakeSessions: false,

    // each session has a runner of its own
    agents: [],

    as: (other) => directoryFor(other, options, turns),

    async get(key) {
      const resource = await read(key);
      return resource && documentOf(resource);
    },

    async create(key, session) {
      const body = newResource(key, session);
      const path = sessionsPath(key.project);
      const request = { account, method: "POST", path, body } as const;
      const made = await orNull(tooLarge(api.json<SessionResource>(request)), "AlreadyExists");
      if (!made) throw new RunlogError("session-exists", "There is a session of this name");
      cache?.wrote(made);
      return documentOf(made);
    },

    update: (key, change) =>
      // those of this process wait for each other instead of being refused in turn
      turns.run(idOf(key), async () => {
        for (let count = 0; count < MAX_WRITES; count++) {
          const before = await read(key);
          if (!before) return null;
          const after = await write(key, changedResource(before, change(documentOf(before))));
          if (after) return documentOf(after);
          // by chance, so that two processes do not stay in step
          await pause(backOffMs(BACK_OFF, count), clock, null);
        }
        throw new RunlogError("session-conflict", "Session was modified concurrently");
      }),

    async delete(key) {
      const request = { account, method: "DELETE", path: sessionPath(key) } as const;
      // a resource with finalizers is answered as it is now, and goes when they are done
      const answer = await orNull(
        api.json<SessionResource & { readonly kind: string }>(request),
        "NotFound",
      );
      if (answer?.kind === "AgenticSession") cache?.wrote(answer);
      else cache?.deleted(key.project, key.session);
      return answer !== null;
    },

    async page(project, query, { signal } = {}) {
      signal?.throwIfAborted();
      if (cache && !(await mayList(project, signal)))
        throw new RunlogError("access-denied", "Unauthorized");
      const cached = await cache?.page(project, query);
      signal?.throwIfAborted();
      return cached ?? directPage(project, query, signal);
    },

    async projectsWith(session) {
      const projects: string[] = [];
      const query = { fieldSelector: `metadata.name=${session}` };
      const request = { account, path: sessionsPath(null), query, metadataOnly: true };
      await passOver(api, request, {
        begin: () => (projects.length = 0),
        item: (json) => projects.push(parse<SessionResource>(json).metadata.namespace ?? ""),
      });
      return projects;
    },

    addressOf: (key) => runnerAddress(runnerUrl, key, registry, () => directory.get(key)),
  };
  return directory;
}

async function tooLarge<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    if (!isRefusal(error, "TooLarge")) throw error;
    throw new RunlogError("document-too-large", "The session's document is too large", {
      cause: error,
    });
  }
}
