import type { Context, MiddlewareHandler, Next } from "hono";
import type { SessionService } from "../core/service.ts";
import { hasCode, RunlogError } from "../ports/errors.ts";
import type { SessionKey } from "../ports/log-store.ts";
import type { PeerClient } from "../ports/peer-client.ts";
import type { PeerAddress, SessionOwner } from "../ports/session-owner.ts";
import { createByteBudget } from "../stream/sync/byte-budget.ts";
import { JsonObjectScanner } from "../stream/json/json-scan.ts";
import { endToEndHeaders } from "../stream/http/end-to-end-headers.ts";
import { BackOff } from "../stream/sync/back-off.ts";
import { accessOf } from "./access.ts";
import { forwardedHeaders, wasForwarded } from "./forwarded.ts";
import { assertStreamRoom, openStream } from "./open-stream.ts";
import { problem } from "./problem.ts";
import { ReplayableBody } from "./replayable-body.ts";
import { sessionKeyOf } from "./session-key.ts";

/** Whether a route is served by the process that has its session. */
export interface OwnerRule {
  /** `log`: always. `document`: where the log store has the sessions' documents. `no`: every process serves it. */
  readonly needs: "log" | "document" | "no";
  /**
   * When the request may be made again although a server that is gone may have taken it: `never`, or `always`, or if
   * its body names its run, or its headers its producer.
   */
  readonly repeats: "never" | "always" | "by-run" | "by-producer";
}

type OwnerRuleName = "any" | "document" | "log" | "once" | "push" | "run";

/** The owner rules of all routes. Who only reads reads the store, wherever it is asked. */
export const OWNER: Readonly<Record<OwnerRuleName, OwnerRule>> = {
  any: { needs: "no", repeats: "always" },
  document: { needs: "document", repeats: "always" },
  log: { needs: "log", repeats: "always" },
  once: { needs: "log", repeats: "never" },
  push: { needs: "log", repeats: "by-producer" },
  run: { needs: "log", repeats: "by-run" },
};

const ELSEWHERE = "served elsewhere";

/** Whether the answer to a request is that of the server to which it was passed on, or says that it has to go to another one. */
export function isServedElsewhere(c: Context): boolean {
  const isElsewhere: boolean | undefined = c.get(ELSEWHERE);
  return isElsewhere ?? false;
}

export interface OwnerGuardOptions {
  /** Reaches other processes. Default null: they are not reached. */
  readonly peers?: PeerClient | null;
}

/** How long in ms a request waits for a session whose owner is gone, without having said so. */
const WAIT_MS = 30_000;
const BACK_OFF = { firstMs: 100, maxMs: 500 } as const;
/** How often in ms it is asked whether an owner lives that has not answered yet. */
const WATCH_MS = 2_000;
/** Requests that wait at once. */
const MAX_WAITING = 1_000;
/** Memory of bodies that may have to be sent again. */
const KEPT_BODY_BYTES = 32 * 1024 * 1024;

/**
 * Serves a request where its session is: here, once this process has the session; else by the process that has it, to which the
 * request is passed on before its body is read. One that was passed on already is never passed on again. A session whose owner is dead is
 * waited for, and taken.
 */
export function ownerGuards(
  service: SessionService,
  { peers = null }: OwnerGuardOptions,
): (rule: OwnerRule) => MiddlewareHandler {
  const budget = createByteBudget(KEPT_BODY_BYTES);
  let waiting = 0;

  return (rule) => async (c, next) => {
    const key = sessionKeyOf(c);
    const isNeeded = rule.needs === "log" || service.directory.logsMakeSessions;
    if (rule.needs === "no" || !isNeeded) return next();
    if (service.store.owns(key)) return serve(c, service, next);
    if (waiting >= MAX_WAITING)
      throw new RunlogError("overloaded", "Too many requests wait for other servers");
    const body = new ReplayableBody(c.req.raw.body, budget);
    waiting++;
    try {
      return await service.sessions.with(key, async () => {
        const owned = await new OwnerSearch(c, { service, peers, rule, key, body }).find();
        if (owned !== "here") {
          c.set(ELSEWHERE, true);
          return owned;
        }
        // the runs of the process that had the session before come first
        await service.orphanedRuns.closeOf(key);
        if (body.isBegun) c.req.raw = requestWith(c.req.raw, body.open());
        body.settle();
        return serve(c, service, next);
      });
    } finally {
      waiting--;
      body.settle();
    }
  };
}

/**
 * Serves the request here. One that was passed on, and that is refused since the session went while its body came, is answered as one that came to
 * the wrong server: nothing was done, and the server that has it knows where it goes.
 */
async function serve(c: Context, service: SessionService, next: Next): Promise<undefined> {
  await next();
  const { error } = c;
  const hasGone =
    hasCode(error, "log-not-owned") || (service.isStopping() && hasCode(error, "overloaded"));
  if (hasGone && wasForwarded(c)) c.res = misdirected(c);
}

interface OwnerSearchOptions {
  readonly service: SessionService;
  readonly peers: PeerClient | null;
  readonly rule: OwnerRule;
  readonly key: SessionKey;
  readonly body: ReplayableBody;
}

/** The way of one request to the owner of its session. */
class OwnerSearch {
  readonly #c: Context;
  readonly #options: OwnerSearchOptions;
  /** Ends everything when the client has gone. */
  readonly #gone: AbortSignal;

  constructor(c: Context, options: OwnerSearchOptions) {
    this.#c = c;
    this.#options = options;
    this.#gone = c.req.raw.signal;
  }

  /** The owner's answer, or that this process has the session. Throws `log-not-owned` if it does not get it in time. */
  async find(): Promise<Response | "here"> {
    const { service } = this.#options;
    const { clock } = service;
    const untilMs = clock.now() + WAIT_MS;
    for (const backOff = new BackOff(BACK_OFF); ;) {
      const owner = await this.#owner();
      // the handler says that the server stops
      if (owner.kind === "here" || (owner.kind === "nobody" && service.isStopping())) return "here";
      if (wasForwarded(this.#c)) return misdirected(this.#c);
      if (owner.kind === "elsewhere") {
        const answer = await this.#askOwner(owner);
        if (answer) return answer;
      }
      if (clock.now() >= untilMs || this.#gone.aborted) throw notOwned();
      await backOff.pause(clock, this.#gone);
    }
  }

  #owner(): Promise<SessionOwner> {
    const { key, service } = this.#options;
    return service.isStopping() ? service.store.ownerOf(key) : service.store.acquire(key);
  }

  /** The owner's answer; null if it does not have the session, or cannot be reached, and the request can be made again. */
  async #askOwner({
    id,
    peer,
  }: Extract<SessionOwner, { readonly kind: "elsewhere" }>): Promise<Response | null> {
    const { body, peers, service } = this.#options;
    if (peer === null || peers === null) throw notOwned();
    const lost = new AbortController();
    const stopWatching = this.#watch(id, lost);
    try {
      const answer = await this.#send(peers, peer, AbortSignal.any([this.#gone, lost.signal]));
      if (answer.status !== MISDIRECTED) return this.#passedOn(answer);
      await answer.body?.cancel();
      // nothing was done
      if (body.canReplay) return null;
    } catch (error) {
      if (this.#gone.aborted) throw error;
      const isLost = lost.signal.aborted || hasCode(error, "peer-unreachable");
      if (!isLost) throw error;
      service.logger.warn("owner-unreachable", { ...this.#options.key, error });
      if (this.#canRepeat()) return null;
    } finally {
      stopWatching();
    }
    throw notOwned();
  }

  async #send(peers: PeerClient, peer: PeerAddress, signal: AbortSignal): Promise<Response> {
    const { body } = this.#options;
    const { raw } = this.#c.req;
    const { pathname, search } = new URL(raw.url);
    return peers.send({
      method: raw.method,
      url: `${peer.url}${pathname}${search}`,
      headers: forwardedHeaders(raw.headers, peer.key, accessOf(this.#c).peer),
      body: body.open(),
      signal,
    });
  }

  /** Aborts `lost` when the owner is found not to have the session any more. */
  #watch(ownerId: string, lost: AbortController): () => void {
    const { key, service } = this.#options;
    let isAsking = false;
    return service.clock.every(WATCH_MS, () => {
      if (isAsking) return;
      isAsking = true;
      void service.store
        .ownerOf(key)
        .then((owner) => {
          if (owner.kind !== "elsewhere" || owner.id !== ownerId) lost.abort();
        })
        .catch((error: unknown) => service.logger.warn("owner-unknown", { ...key, error }))
        .finally(() => {
          isAsking = false;
        });
    });
  }

  /** Whether the request may be made again after an owner that may have taken it. */
  #canRepeat(): boolean {
    const { body, rule } = this.#options;
    if (!body.canReplay) return false;
    if (!body.isBegun || rule.repeats === "always") return true;
    if (rule.repeats === "never") return false;
    if (rule.repeats === "by-producer") return this.#c.req.header("Producer-Id") !== undefined;
    const scanner = new JsonObjectScanner(["runId", "run_id"]);
    for (const piece of body.kept) if (!scanner.push(piece, 0, piece.length)) break;
    return Boolean(scanner.value("runId") || scanner.value("run_id"));
  }

  #passedOn({ body, headers, status }: Response): Response {
    const { service } = this.#options;
    const given = endToEndHeaders(headers);
    if (body === null) return new Response(null, { status, headers: given });
    assertStreamRoom(service);
    const reader: ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>> = body.getReader();
    const source = {
      next: async () => (await reader.read()).value ?? null,
      // where a frame ends in it is not known here
      atBoundary: false,
      close: () => void reader.cancel().catch(() => {}),
    };
    return new Response(openStream(service, source), { status, headers: given });
  }
}

const MISDIRECTED = 421;

function misdirected(c: Context): Response {
  const detail = "This server does not have the session";
  return problem(c, { code: "misdirected", detail });
}

function notOwned(): RunlogError {
  return new RunlogError("log-not-owned", "Another server has the session; try again");
}

/** The same request with its body as it was kept. */
function requestWith(request: Request, body: ReadableStream<Uint8Array> | null): Request {
  const { headers, method, signal, url } = request;
  const init = { method, headers, signal, body, duplex: "half" };
  return new Request(url, init);
}
