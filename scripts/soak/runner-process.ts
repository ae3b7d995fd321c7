// The runner of all sessions: numbered events at a rate, each with the hash of its run so far, and all the ways in
// which a runner can die.
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { json } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { endWithParent, sendToParent } from "../bench/child-script.ts";
import { FIRST_HASH, seal } from "../bench/hash-chain.ts";
import { listenOnLoopback } from "../bench/loopback.ts";
import { createRandom } from "../bench/random.ts";
import { createRelays } from "./relays.ts";

/** Sent once, when it listens. */
export interface RunnerReady {
  readonly port: number;
}

/** Sent when a run is over for the runner, whoever ended it. */
export interface RunOver {
  readonly session: string;
  /** Whether it sent RUN_FINISHED. */
  readonly finished: boolean;
}

/** Path of the agents that are behind a relay. */
const AGENT = "agent";
/** How long a run takes, whatever the rate of its events: the next one is posted after a minute (keep-running.ts). */
const MIN_SECONDS = 5;
const MAX_SECONDS = 38;
const LONG_EVENT_CHARS = 100_000;
const TEXT = "The quick brown fox jumps over the lazy dog, and writes what it saw into the log. ";

/** Of a hundred runs, so many die: by a broken connection, by an end without RUN_FINISHED, by a 500. */
const DEATHS = { breakOff: 10, noEnd: 5, refused: 5 } as const;

endWithParent();
const {
  seed,
  eventsPerSecond,
  relayed,
  spoolDir,
}: {
  readonly seed: number;
  readonly eventsPerSecond: number;
  /** Sessions whose agent is behind a relay; it lives for ever. */
  readonly relayed: readonly string[];
  readonly spoolDir: string;
} = JSON.parse(process.argv[2] ?? "");
const random = createRandom(seed);

const server = createServer((request, response) => {
  const [, first = "", second = ""] = request.url?.split("/") ?? [];
  const session = first === AGENT ? second : first;
  if (first !== AGENT && relays.answer(session, request, response)) return;
  if (request.method !== "POST") response.writeHead(404).end();
  else void answerRun(session, request, response);
});
// a run may be silent for as long as it likes
server.requestTimeout = 0;
const port = await listenOnLoopback(server);
const relays = createRelays(
  relayed,
  spoolDir,
  (session) => `http://127.0.0.1:${port}/${AGENT}/${session}/`,
);
sendToParent({ port } satisfies RunnerReady);

async function answerRun(
  session: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  // a server that is killed breaks the connection off, which is no error of the runner's
  response.on("error", () => {});
  let finished = false;
  try {
    const { threadId, runId }: { threadId?: string; runId?: string } = Object(await json(request));
    const ids = { threadId, runId };
    finished = await play(response, ids, { mayDie: !relayed.includes(session) });
  } catch {
    response.destroy();
  }
  sendToParent({ session, finished } satisfies RunOver);
}

/** Plays one run; resolves with whether it was finished. */
async function play(
  response: ServerResponse,
  ids: { readonly threadId?: string | undefined; readonly runId?: string | undefined },
  { mayDie }: { readonly mayDie: boolean },
): Promise<boolean> {
  const fate = mayDie ? random.integer(100) : 100;
  if (fate < DEATHS.refused) {
    response.writeHead(500, { "Content-Type": "text/plain" }).end("no");
    return false;
  }
  const seconds = MIN_SECONDS + random.integer(MAX_SECONDS - MIN_SECONDS);
  const total = Math.ceil(seconds * eventsPerSecond);
  const dies = fate < DEATHS.refused + DEATHS.noEnd + DEATHS.breakOff;
  const last = dies ? random.integer(total) : total;
  response.writeHead(200, { "Content-Type": "text/event-stream" });
  let hash = FIRST_HASH;
  const writeSealed = (event: Readonly<Record<string, unknown>>): void => {
    const sealed = seal(event, hash);
    hash = sealed.hash;
    write(response, sealed.text);
  };
  write(response, JSON.stringify({ type: "RUN_STARTED", ...ids }));
  for (let seq = 0; seq < last && !response.destroyed; seq += 1) {
    const chars = random.integer(200) === 0 ? LONG_EVENT_CHARS : random.integer(1_500);
    const value = TEXT.repeat(Math.ceil(chars / TEXT.length)).slice(0, chars);
    writeSealed({ type: "CUSTOM", name: "soak", ...ids, seq, sentAt: Date.now(), value });
    await sleep((500 + random.integer(1_000)) / eventsPerSecond);
  }
  if (!dies) writeSealed({ type: "RUN_FINISHED", ...ids, total });
  else if (fate < DEATHS.refused + DEATHS.breakOff) {
    response.write('data: {"type":"CUSTOM","na');
    response.destroy();
  }
  response.end();
  return !dies && !response.destroyed;
}

function write(response: ServerResponse, event: string): void {
  response.write(`data: ${event}\n\n`);
}
