import type { Clock } from "../../src/ports/clock.ts";
import { RunlogError } from "../../src/ports/errors.ts";
import { concatBytes } from "../../src/stream/bytes/concat.ts";
import { BackOff } from "../../src/stream/sync/back-off.ts";
import { pause } from "../../src/stream/sync/pause.ts";
import { OWN, type Api, type ApiBody } from "./api.ts";
import { apiFailure, isRefusal, reasonOf, type Refusal } from "./failure.ts";
import { type ListVisitor, passOver } from "./list-pass.ts";
import type { Resource } from "./resources.ts";

/** Who follows a list of objects. */
export interface Follower<T extends Resource> extends ListVisitor {
  /**
   * The pass that `begin` began is over: an object that was not passed does not exist, as of this
   * version.
   */
  listed(version: string): void;
  /** An object came or changed; `bytes` is how long its JSON is. */
  changed(object: T, bytes: number): void;
  /** An object was deleted; this is its last state. */
  removed(object: T): void;
  /** Nothing is reported until the next `listed` or `heard`; the watch reconnects by itself. */
  lost(error: unknown): void;
  /** The watch has begun, or begun again without a gap. */
  heard(): void;
}

export interface Followed {
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}

/** How long the API server lets a watch run; each takes a little longer or shorter. */
const WATCH_S = 240;
/** How much longer than that a watch may be silent before it is taken for dead. */
const GRACE_MS = 15_000;
const FIRST_WAIT_MS = 500;
const MAX_WAIT_MS = 30_000;
const BACK_OFF = { firstMs: FIRST_WAIT_MS, maxMs: MAX_WAIT_MS, jitter: 0.5 } as const;
/** The API server's limit for an object, twice, and the few bytes around it. */
const MAX_LINE_BYTES = 4 * 1024 * 1024;

interface WatchEvent<T> {
  readonly type: "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK" | "ERROR";
  readonly object: T & Refusal;
}

/**
 * Follows a list with runlog's own account until the signal aborts: lists it, watches from there, goes
 * on where a watch ended, lists again when that position has expired, and waits longer and longer
 * (0.5 s to 30 s, by chance up to half of it less) while nothing works. Resolves when it was aborted.
 */
export async function follow<T extends Resource>(
  { api, clock }: { readonly api: Api; readonly clock: Clock },
  followed: Followed,
  follower: Follower<T>,
): Promise<void> {
  const { signal } = followed;
  let version: string | null = null;
  const backOff = new BackOff(BACK_OFF);
  while (!signal.aborted) {
    const startedAtMs = clock.now();
    try {
      if (version === null) {
        version = await passOver(api, { account: OWN, ...followed }, follower);
        follower.listed(version);
      }
      await watchOnce({ api, clock }, followed, version, follower, (seen) => (version = seen));
      backOff.reset();
      // one that ends at once would be asked for again and again
      if (clock.now() - startedAtMs < FIRST_WAIT_MS) await pause(FIRST_WAIT_MS, clock, signal);
    } catch (error) {
      if (signal.aborted) return;
      if (clock.now() - startedAtMs > MAX_WAIT_MS) backOff.reset();
      if (isRefusal(error, "Expired", "Gone")) version = null;
      else follower.lost(error);
      await backOff.pause(clock, signal);
    }
  }
}

async function watchOnce<T extends Resource>(
  { api, clock }: { readonly api: Api; readonly clock: Clock },
  { path, query, signal }: Followed,
  from: string,
  follower: Follower<T>,
  seen: (version: string) => void,
): Promise<void> {
  const seconds = Math.round(WATCH_S * (0.75 + Math.random() / 2));
  const watch = new AbortController();
  const stop = (): void => watch.abort();
  signal.addEventListener("abort", stop, { once: true });
  const cancel = clock.after(seconds * 1000 + GRACE_MS, stop);
  const request = {
    account: OWN,
    method: "GET" as const,
    path,
    query: {
      ...query,
      watch: "true",
      resourceVersion: from,
      allowWatchBookmarks: "true",
      timeoutSeconds: String(seconds),
    },
    signal: watch.signal,
  };
  try {
    await api.follow(request, async (body) => {
      follower.heard();
      for await (const line of linesOf(body)) seen(report(follower, line));
    });
  } finally {
    cancel();
    signal.removeEventListener("abort", stop);
  }
}

/** Reports one event to the follower; returns the version after it. */
function report<T extends Resource>(follower: Follower<T>, line: Uint8Array): string {
  const { type, object } = parse<WatchEvent<T>>(line);
  if (type === "ERROR") throw apiFailure(reasonOf(object), { isCaller: false });
  if (type === "DELETED") follower.removed(object);
  else if (type !== "BOOKMARK") follower.changed(object, line.length);
  return object.metadata.resourceVersion;
}

/** Parses JSON of the API server, which is trusted to be of the requested kind. */
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- as `Api.json`: says once what was asked for
export function parse<T>(json: Uint8Array): T {
  try {
    const value: T = JSON.parse(new TextDecoder().decode(json));
    return value;
  } catch (cause) {
    throw new RunlogError("platform-failed", "The API server's answer is no JSON", { cause });
  }
}

async function* linesOf(body: ApiBody): AsyncGenerator<Uint8Array, void, undefined> {
  let held: Uint8Array[] = [];
  let heldBytes = 0;
  for await (const chunk of body) {
    let from = 0;
    for (let at = chunk.indexOf(0x0a); at >= 0; at = chunk.indexOf(0x0a, from)) {
      const last = chunk.subarray(from, at);
      yield held.length === 0 ? last : concatBytes([...held, last]);
      held = [];
      heldBytes = 0;
      from = at + 1;
    }
    if (from === chunk.length) continue;
    held.push(chunk.subarray(from));
    heldBytes += chunk.length - from;
    if (heldBytes > MAX_LINE_BYTES)
      throw new RunlogError("platform-failed", "The API server's event is too long");
  }
}
