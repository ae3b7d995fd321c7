// All live viewers of a soak, in a process of their own.
import { endWithParent, receiveFromParent, sendToParent } from "../bench/child-script.ts";
import { createRandom } from "../bench/random.ts";
import { createHistogram } from "../load/histogram.ts";
import { type FailedAnswer, failedAnswer } from "./failed-answer.ts";
import { type LiveViewer, watchLive } from "./live-viewer.ts";
import type { SeenRange } from "./stream-checker.ts";

/** A session to watch, and by how many. */
export interface WatchedSession {
  readonly name: string;
  readonly path: string;
  /** Cursor of the log's last event before the soak; null if there was none. */
  readonly endCursor: string | null;
  readonly viewers: number;
}

/** Asks the viewers to stop once they have seen everything up to these ends, by session. */
export interface FinishViewers {
  readonly ends: Readonly<Record<string, number>>;
}

/** Sent once, when all viewers are at the end, or none has come further for a while. */
export interface ViewersReport {
  readonly seen: readonly { readonly session: string; readonly range: SeenRange }[];
  readonly violations: readonly string[];
  readonly events: number;
  readonly answers: Readonly<Record<string, number>>;
  /** Answers of 5xx. */
  readonly failures: readonly FailedAnswer[];
  readonly delays: {
    readonly count: number;
    readonly p50Ms: number;
    readonly p99Ms: number;
    readonly maxMs: number;
  };
}

/** No further event anywhere for so long: what is missing will not come. */
const STUCK_MS = 60_000;
const LOOK_MS = 200;

endWithParent();
const {
  ports,
  seed,
  sessions,
}: {
  /** Viewers go to these in turn. */
  readonly ports: readonly number[];
  readonly seed: number;
  readonly sessions: readonly WatchedSession[];
} = JSON.parse(process.argv[2] ?? "");
const random = createRandom(seed);
const delays = createHistogram();
const answers: Record<string, number> = {};
const failures: FailedAnswer[] = [];
const viewers: LiveViewer[] = [];

for (const { name, path, endCursor, viewers: count } of sessions)
  for (let index = 0; index < count; index += 1)
    viewers.push(
      watchLive({
        port: ports[viewers.length % ports.length] ?? 0,
        session: name,
        path,
        // one of them replays what was there before
        cursor: index === 0 ? null : endCursor,
        random,
        onDelay: (ms) => delays.add(ms),
        onAnswer(answer) {
          answers[answer.status] = (answers[answer.status] ?? 0) + 1;
          if (answer.status >= 500) failures.push(failedAnswer(answer));
        },
      }),
    );

receiveFromParent((message) => {
  const { ends }: FinishViewers = Object(message);
  const total = (): number => viewers.reduce((sum, { events }) => sum + events, 0);
  let events = total();
  let movedAtMs = Date.now();
  const looking = setInterval(() => {
    const now = total();
    if (now !== events) movedAtMs = Date.now();
    events = now;
    const behind = viewers.filter(({ seen, session }) => (seen?.end ?? 0) < (ends[session] ?? 0));
    if (behind.length > 0 && Date.now() - movedAtMs < STUCK_MS) return;
    clearInterval(looking);
    for (const viewer of viewers) viewer.stop();
    const missing = behind.map(
      ({ session, seen }) => `${session}: stopped at ${seen?.end ?? 0} of ${ends[session]}`,
    );
    sendToParent(report(missing));
  }, LOOK_MS);
});

function report(missing: readonly string[]): ViewersReport {
  return {
    seen: viewers.flatMap(({ session, seen }) => (seen === null ? [] : [{ session, range: seen }])),
    violations: [
      ...missing,
      ...viewers.flatMap(({ session, violations }) =>
        violations.map((text) => `${session}: ${text}`),
      ),
    ],
    events: viewers.reduce((sum, { events }) => sum + events, 0),
    answers,
    failures,
    delays: {
      count: delays.count,
      p50Ms: delays.percentile(0.5),
      p99Ms: delays.percentile(0.99),
      maxMs: delays.percentile(1),
    },
  };
}
