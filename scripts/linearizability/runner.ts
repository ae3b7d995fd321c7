import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { json } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { listenOnLoopback } from "../bench/loopback.ts";
import type { Random } from "../bench/random.ts";
import type { Recorder } from "./recorder.ts";

/** The runner of all sessions: its answers are known events, and it takes down when it sends them. */
export interface Runner {
  readonly port: number;
  /** How often each run was posted to it, by session and run. */
  posts(session: string): ReadonlyMap<string, number>;
  close(): void;
}

export interface RunnerOptions {
  readonly random: Random;
  readonly recorderOf: (session: string) => Recorder | undefined;
}

/** A run as its runner has it. */
interface Played {
  readonly run: string;
  readonly post: number;
  readonly postedAt: number;
  readonly isResumable: boolean;
  readonly frames: string[];
  readonly acknowledge: (() => void)[];
  isOver: boolean;
  /** Whoever waits for more. */
  readonly waiting: Set<() => void>;
}

const MAX_EVENTS = 8;
const MAX_PAUSE_MS = 60;
/** Of a hundred runs, so many can be taken up again, break off, or take long. */
const SHARES = { resumable: 40, broken: 8, slow: 8 } as const;
const SLOW_MS = 600;

export async function startRunner({ random, recorderOf }: RunnerOptions): Promise<Runner> {
  const played = new Map<string, Played>();
  const posts = new Map<string, Map<string, number>>();

  function postsOf(session: string): Map<string, number> {
    const known = posts.get(session) ?? new Map<string, number>();
    posts.set(session, known);
    return known;
  }

  async function play(recorder: Recorder, one: Played, threadId: string): Promise<void> {
    const total = 2 + random.integer(MAX_EVENTS);
    const isBroken = !one.isResumable && random.integer(100) < SHARES.broken;
    const pauseMs = random.integer(100) < SHARES.slow ? SLOW_MS : MAX_PAUSE_MS;
    for (let number = 0; number < total && !one.isOver; number++) {
      const isLast = number === total - 1;
      if (isBroken && isLast) break;
      const type = number === 0 ? "RUN_STARTED" : isLast ? "RUN_FINISHED" : "CUSTOM";
      const { run: runId, post } = one;
      const value = "x".repeat(random.integer(200));
      const event = { type, name: "said", threadId, runId, place: { post, number }, value };
      one.acknowledge.push(recorder.emit({ run: runId, post, number, isLast }));
      one.frames.push(`data: ${JSON.stringify(event)}\nid: ${number + 1}\n\n`);
      wake(one);
      await sleep(random.integer(pauseMs));
    }
    one.isOver = true;
    wake(one);
  }

  async function follow(one: Played, after: number, response: ServerResponse): Promise<void> {
    const offer = one.isResumable ? { "X-Runlog-Resume": "1" } : {};
    response.writeHead(200, { "Content-Type": "text/event-stream", ...offer });
    response.flushHeaders();
    response.on("error", () => {});
    response.on("close", () => {
      // nobody takes it up again: what it has not said is never said
      if (!one.isResumable) one.isOver = true;
      wake(one);
    });
    for (let at = after; !response.destroyed;) {
      const frame = one.frames[at];
      if (frame !== undefined) {
        at++;
        response.write(frame);
      } else if (one.isOver) return void response.end();
      else await new Promise<void>((resolve) => one.waiting.add(resolve));
    }
  }

  async function postRun(session: string, request: IncomingMessage, response: ServerResponse) {
    const recorder = recorderOf(session);
    const input: { runId?: string; threadId?: string } = Object(await json(request));
    const { runId: run = "", threadId = "" } = input;
    if (!recorder) {
      response.writeHead(404).end();
      return;
    }
    const post = (postsOf(session).get(run) ?? 0) + 1;
    postsOf(session).set(run, post);
    const one: Played = {
      run,
      post,
      postedAt: performance.now(),
      isResumable: random.integer(100) < SHARES.resumable,
      frames: [],
      acknowledge: [],
      isOver: false,
      waiting: new Set(),
    };
    played.set(`${session} ${run}`, one);
    void play(recorder, one, threadId);
    await follow(one, 0, response);
  }

  /** Everything is stored, unless it was deleted. */
  function acknowledge(session: string, run: string): void {
    const one = played.get(`${session} ${run}`);
    const recorder = recorderOf(session);
    if (!one || !recorder) return;
    const wasDeleted = recorder.deletedAt !== null && recorder.deletedAt >= one.postedAt;
    if (one.isOver && !wasDeleted) for (const tell of one.acknowledge) tell();
    played.delete(`${session} ${run}`);
  }

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const [, session = "", kind = "", run = ""] = (request.url ?? "")
      .split("/")
      .map(decodeURIComponent);
    if (request.method === "POST" && kind === "") return postRun(session, request, response);
    if (request.method === "POST" && kind === "feedback") {
      await json(request);
      return void response.writeHead(200, { "Content-Type": "application/json" }).end("{}");
    }
    const one = kind === "runs" ? played.get(`${session} ${run}`) : undefined;
    if (request.method === "DELETE") {
      acknowledge(session, run);
      return void response.writeHead(204).end();
    }
    if (!one?.isResumable) return void response.writeHead(404).end();
    await follow(one, Number(request.headers["last-event-id"] ?? 0), response);
  }

  const server = createServer((request, response) => {
    // a server that is killed breaks its connections off
    serve(request, response).catch(() => response.destroy());
  });
  server.requestTimeout = 0;
  return {
    port: await listenOnLoopback(server),
    posts: postsOf,
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

function wake(one: Played): void {
  for (const go of one.waiting) go();
  one.waiting.clear();
}
