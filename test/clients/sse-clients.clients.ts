import { EventSource } from "eventsource";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, it, onTestFinished } from "vitest";
import type { ScriptedExchange } from "../contract/runner-client.ts";
import {
  finishedEvent,
  runBody,
  SessionClient,
  startedEvent,
  tell,
} from "../contract/session-routes/harness.ts";
import { freshRunner } from "../support/server-process.ts";
import { waitFor } from "../support/wait-for.ts";
import { openPage, servePage, startBrowser } from "./support/browser.ts";
import { startRunlog } from "./support/runlog.ts";

/** What a client was given so far, by the client's name. */
type Received = Readonly<Record<string, readonly string[]>>;
type Watching = () => Promise<Received>;

const DELTAS = 400;
/** Where in a run that never ends by itself the server goes. */
const SEEN_BEFORE_THE_END = 150;

let browser: Browser;
beforeAll(async () => {
  browser = await startBrowser();
});
afterAll(() => browser.close());

it("EventSource, eventsource, sse.js and fetch-event-source parse every event once, and nothing else, through a kill -9 and a restart", async () => {
  const runner = await freshRunner();
  const { origin } = await servePage("sse-clients.ts");
  const runlog = await startRunlog({
    runnerUrl: runner.address,
    env: { RUNLOG_CORS_ORIGINS: origin, RUNLOG_HOSTS: "localhost" },
  });
  const session = new SessionClient({ ...runlog, runner, dispose: async () => {} });
  const events = `${runlog.url}${session.path}/agui/events`;

  const early = await watch(origin, events);
  runner.script((exchange) => tell(exchange, [startedEvent("hello"), finishedEvent("hello")]));
  await session.run(runBody("hello"));
  await haveSeen(early, (await session.settled("hello")).length);
  runner.script((exchange) => tell(exchange, [...deltas("a"), finishedEvent("a")]));
  await session.run(runBody("a"));
  await session.settled("a");
  const compact = await waitFor(async () => {
    const lines = await session.lines("");
    return lines.length < (await session.lines()).length && lines;
  });
  const before = (await session.lines()).length;
  // another name: a browser opens six connections an origin
  const late = await watch(origin, events.replace("127.0.0.1", "localhost"));
  await haveSeen(late, compact.length);

  for (const signal of ["SIGKILL", "SIGTERM"] as const) {
    runner.script((exchange) => sendWithoutEnd(exchange, signal));
    await session.run(runBody(signal));
    const seen = (await session.lines()).length + SEEN_BEFORE_THE_END;
    await waitFor(async () => Math.max(...lengths(await early())) >= seen);
    await runlog.end(signal);
    await runlog.startAgain();
  }
  runner.script((exchange) => tell(exchange, [...deltas("z"), finishedEvent("z")]));
  await session.run(runBody("z"));
  const all = await session.settled("z");

  const last = all.at(-1);
  for (const [received, expected] of [
    [early, all],
    [late, [...compact, ...all.slice(before)]],
  ] as const) {
    await waitFor(
      async () => Object.values(await received()).every((lines) => lines.at(-1) === last),
      { what: "the last event in every client", timeoutMs: 60_000 },
    ).catch(() => {}); // what is missing is said below
    const now = await received();
    for (const [client, lines] of Object.entries(now)) expect(lines, client).toEqual(expected);
  }
});

/** Watches with all four clients; resolves with what tells what they were given. */
async function watch(origin: string, events: string): Promise<Watching> {
  const own: string[] = [];
  const source = new EventSource(events);
  onTestFinished(() => source.close());
  source.addEventListener("message", ({ data }: { readonly data: string }) => {
    own.push(data);
    JSON.parse(data);
  });
  const { page, failures } = await openPage(browser, `${origin}/?events=${events}`);
  return async () => {
    expect(failures).toEqual([]);
    return { ...(await page.evaluate(() => window.received)), eventsource: own };
  };
}

/** So all four are connected, and neither of them is behind. */
async function haveSeen(watching: Watching, count: number): Promise<void> {
  await waitFor(
    async () => {
      const seen = lengths(await watching());
      return seen.length === 4 && seen.every((length) => length === count);
    },
    { what: `four clients with ${count} events each` },
  );
}

const lengths = (received: Received): number[] =>
  Object.values(received).map((lines) => lines.length);

const delta = (runId: string, index: number): string =>
  JSON.stringify({ type: "TEXT_MESSAGE_CONTENT", messageId: `t-${runId}`, delta: `${index} ` });

const opening = (runId: string): string[] => [
  startedEvent(runId),
  JSON.stringify({ type: "TEXT_MESSAGE_START", messageId: `t-${runId}`, role: "assistant" }),
];

const deltas = (runId: string): string[] => [
  ...opening(runId),
  ...Array.from({ length: DELTAS }, (_, index) => delta(runId, index)),
  JSON.stringify({ type: "TEXT_MESSAGE_END", messageId: `t-${runId}` }),
];

/** Sends as fast as it is read, until nobody reads. */
async function sendWithoutEnd(exchange: ScriptedExchange, runId: string): Promise<void> {
  await exchange.answer(200, { "content-type": "text/event-stream" });
  for (const event of opening(runId)) await exchange.write(`data: ${event}\n\n`);
  for (let index = 0; ; index++) await exchange.write(`data: ${delta(runId, index)}\n\n`);
}
