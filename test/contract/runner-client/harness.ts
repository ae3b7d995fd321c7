import type {
  EventBatch,
  EventFacts,
  ListenRequest,
  RunnerCall,
  RunnerClient,
  RunnerRequest,
  RunnerStream,
  RunnerStreamCounts,
} from "../../../src/ports/runner-client.ts";
import { concat, textOf, utf8 } from "../bytes.ts";
import { waitFor } from "../wait-for.ts";
import type { ScriptedExchange, ScriptedRunner } from "./scripted-runner.ts";
import { withHarness } from "../with-harness.ts";

/** A client and the runner that it talks to. */
export interface RunnerClientHarness {
  /** Its clock runs fast, a thousand times or more, but does pass time. */
  readonly client: RunnerClient;
  readonly runner: ScriptedRunner;
  dispose(): Promise<void>;
}

export interface RunnerClientContractOptions {
  /** Makes a client with this limit and a runner of its own: called once for each test. */
  readonly create: (limits: { readonly maxEventBytes: number }) => Promise<RunnerClientHarness>;
}

/** The limit of every client in the suite, in bytes: small, so that tests can exceed it. */
export const MAX_EVENT_BYTES: number = 256 * 1024;

/** Wraps a test's body so that it gets a client and a runner of its own. */
export type FreshClient = (
  body: (harness: RunnerClientHarness) => Promise<void>,
) => () => Promise<void>;

/** Makes the wrapper that gives each test a fresh harness and disposes of it afterwards. */
export function freshClient({ create }: RunnerClientContractOptions): FreshClient {
  return (body) => () => withHarness(() => create({ maxEventBytes: MAX_EVENT_BYTES }), body);
}

/** A plain request to `address`, with `overrides`. */
export function requestTo(address: string, overrides: Partial<RunnerRequest> = {}): RunnerRequest {
  return {
    key: { project: "demo", session: "session-1" },
    address,
    body: [utf8('{"runId":"run-1"}')],
    headers: {},
    signal: new AbortController().signal,
    ...overrides,
  };
}

/** A request for the events of a thread, with `overrides`. */
export function listenTo(address: string, overrides: Partial<ListenRequest> = {}): ListenRequest {
  return {
    key: { project: "demo", session: "session-1" },
    address,
    threadId: "thread-1",
    signal: new AbortController().signal,
    ...overrides,
  };
}

/** A call of `path` that may take long, also by a fast clock, with `overrides`. */
export function callTo(address: string, overrides: Partial<RunnerCall> = {}): RunnerCall {
  return {
    key: { project: "demo", session: "session-1" },
    address,
    method: "GET",
    path: "tasks",
    timeoutMs: 30_000_000,
    signal: new AbortController().signal,
    ...overrides,
  };
}

/** What came out of a stream. */
export interface Received {
  /** The events' lines as text, without their line feeds. */
  readonly lines: readonly string[];
  readonly events: readonly EventFacts[];
  readonly counts: RunnerStreamCounts;
  /** What the stream failed with, or null if it ended. */
  readonly error: unknown;
}

/** Reads a stream to its end or failure. */
export async function receive({ batches, counts }: RunnerStream): Promise<Received> {
  const lines: string[] = [];
  const events: EventFacts[] = [];
  let error: unknown = null;
  try {
    for await (const batch of batches) {
      lines.push(...linesOf(batch));
      events.push(...batch.events);
    }
  } catch (reason) {
    error = reason;
  }
  return { lines, events, counts, error };
}

/** Lets the runner answer 200 with `pieces` and end; gives what the client made of it. */
export async function receiveScripted(
  { client, runner }: RunnerClientHarness,
  ...pieces: readonly (string | Uint8Array)[]
): Promise<Received> {
  runner.script(async (exchange) => {
    await beginStream(exchange);
    for (const piece of pieces) await exchange.write(piece);
    await exchange.end();
  });
  const received = await receive(await client.run(requestTo(runner.address)));
  if (received.error !== null) throw received.error;
  return received;
}

/** Waits until `value` is above 0 and has not changed over many looks. */
export async function standsStill(value: () => number): Promise<void> {
  let before = -1;
  let looks = 0;
  const looksTheSame = (): boolean => {
    const now = value();
    looks = now === before && now > 0 ? looks + 1 : 0;
    before = now;
    return looks >= 50;
  };
  await waitFor(looksTheSame, { what: "the runner to be stopped" });
}

/** Answers 200 as a runner that is about to stream. */
export function beginStream(exchange: ScriptedExchange): Promise<void> {
  return exchange.answer(200, { "content-type": "text/event-stream" });
}

/** The lines of a batch, cut by its facts. Throws if facts and bytes do not agree. */
export function linesOf({ lines, events }: EventBatch): string[] {
  const bytes = concat(lines);
  let at = 0;
  const texts = events.map((event) => {
    const line = textOf(bytes.subarray(at, at + event.bytes));
    at += event.bytes;
    if (line.indexOf("\n") !== line.length - 1 || line.includes("\r"))
      throw new Error(`Not one line with a line feed after it: ${JSON.stringify(line)}`);
    return line.slice(0, -1);
  });
  if (at !== bytes.length)
    throw new Error(`The events have ${at} bytes, their lines ${bytes.length}`);
  return texts;
}
