// A storm of connects: viewers who all come back at once, and those who look in and leave.
import { setTimeout as sleep } from "node:timers/promises";
import { endWithParent, sendToParent } from "../bench/child-script.ts";
import { createDeferred } from "../bench/deadline.ts";
import { type HttpStream, openHttpStream, type ResponseHead } from "../bench/http-stream.ts";
import { createRandom } from "../bench/random.ts";
import { createHistogram } from "../load/histogram.ts";
import { createStreamChecker } from "../soak/stream-checker.ts";
import { unansweredBecause } from "./unanswered.ts";

/** A session, and cursors of some of its last events. */
export interface StormSession {
  readonly path: string;
  readonly lateCursors: readonly string[];
  readonly endCursor: string;
}

/** Sent every second, and once more when all visits are over. */
export interface StormReport {
  readonly done: boolean;
  readonly counts: Readonly<Record<string, number>>;
  readonly open: number;
  readonly firstByteP50Ms: number;
  readonly firstByteP99Ms: number;
  readonly violations: readonly string[];
}

const LEAVE_AFTER_BYTES = 1_000_000;
/** A visit that has not come to its end is given up: the server is judged by what it sent. */
const LONGEST_VISIT_MS = 240_000;
/**
 * With more open at once the next visits wait: below the connections that a server keeps by default
 * (RUNLOG_MAX_CONNECTIONS), which closes further ones unanswered, and below this process's descriptors.
 */
const MAX_OPEN = 10_000;
const TICK_MS = 50;

endWithParent();
const {
  port,
  connects,
  perSecond,
  stay,
  seed,
  sessions,
}: {
  readonly port: number;
  readonly connects: number;
  readonly perSecond: number;
  /** Everybody comes with a late cursor and stays until the last one has been answered. */
  readonly stay: boolean;
  readonly seed: number;
  readonly sessions: readonly StormSession[];
} = JSON.parse(process.argv[2] ?? "");
const random = createRandom(seed);
const firstBytes = createHistogram();
const counts: Record<string, number> = {};
const violations: string[] = [];
const allAnswered = createDeferred<void>();
let open = 0;
let answered = 0;

function count(what: string): void {
  counts[what] = (counts[what] ?? 0) + 1;
}

function report(done: boolean): void {
  const firstByteP50Ms = firstBytes.percentile(0.5);
  const firstByteP99Ms = firstBytes.percentile(0.99);
  const listed = violations.slice(0, 20);
  sendToParent({
    done,
    counts,
    open,
    firstByteP50Ms,
    firstByteP99Ms,
    violations: listed,
  } satisfies StormReport);
}

async function visit(): Promise<void> {
  const session = random.pick(sessions);
  const cursor = stay || random.integer(2) === 0 ? random.pick(session.lateCursors) : null;
  const checker = createStreamChecker({ cursor });
  const openedAtMs = performance.now();
  let received = 0;
  let isGood = false;
  let outcome = unansweredBecause("closed");
  let isAnswered = false;
  const stream: HttpStream = openHttpStream({
    port,
    path: `${session.path}/agui/events?view=raw`,
    headers: cursor === null ? {} : { "Last-Event-ID": cursor },
    onHead(head) {
      isAnswered = true;
      firstBytes.add(performance.now() - openedAtMs);
      isGood = head.status === 200;
      outcome = isGood ? "cut off" : refusal(head);
    },
    onBody(bytes) {
      if (!isGood) return;
      received += bytes.length;
      checker.push(bytes);
      if (cursor === null && received >= LEAVE_AFTER_BYTES) leave("left after 1 MB");
      if (cursor === null || checker.cursor !== session.endCursor) return;
      if (stay) void allAnswered.promise.then(() => leave("resumed"));
      else leave("resumed");
    },
  });
  function leave(how: string): void {
    outcome = how;
    stream.close();
  }
  // what ends before it has an answer has had its turn as well
  void stream.head
    .catch((error: NodeJS.ErrnoException) => {
      if (error.code !== undefined) outcome = unansweredBecause(error.code);
    })
    .then(() => {
      answered += 1;
      if (answered === connects) allAnswered.resolve();
    });
  const timer = setTimeout(
    () => leave(isAnswered ? "gave up" : unansweredBecause("gave up")),
    LONGEST_VISIT_MS,
  );
  await stream.ended;
  clearTimeout(timer);
  count(outcome);
  violations.push(...checker.violations);
}

/** What a refusal counts as; only one that says when to come back is in order. */
function refusal({ status, headers }: ResponseHead): string {
  const isInOrder = status === 503 && headers.has("retry-after");
  if (!isInOrder) violations.push(`answered ${status} without Retry-After`);
  return `refused with ${status}`;
}

const reporting = setInterval(() => report(false), 1_000);
const visits: Promise<void>[] = [];
const startedAtMs = performance.now();
while (visits.length < connects) {
  const due = Math.min(connects, ((performance.now() - startedAtMs) / 1_000) * perSecond);
  while (visits.length < due && open < MAX_OPEN) {
    open += 1;
    visits.push(visit().finally(() => (open -= 1)));
  }
  await sleep(TICK_MS);
}
await Promise.all(visits);
clearInterval(reporting);
report(true);
