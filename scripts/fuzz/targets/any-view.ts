import * as fc from "fast-check";
import { createMemoryLogStore } from "../../../adapters/memory/index.ts";
import { createToldRuns } from "../../load/told-runs.ts";
import { FUZZ_CLIENTS, type FuzzClient } from "../agui-clients.ts";
import { anyEvents } from "../event-inputs.ts";
import { type FuzzTarget, fuzzTarget } from "../fuzz-target.ts";
import type { RunnerAnswer } from "../runner-inputs.ts";
import { startFuzzServer } from "../server.ts";
import { framesIn } from "../sse-frames.ts";

const KEY = { project: "p1", session: "s1" };
const SESSION = "http://127.0.0.1/api/projects/p1/agentic-sessions/s1";

/** No client of 1.0 takes a larger frame. */
const MAX_FRAME_BYTES = 10 * 1024 * 1024;
/** What a stream may say for each byte of a log: what is told, told anew at the end, and an input each. */
const MAX_GROWTH = 64;

const encoder = new TextEncoder();
const NOTHING = { bytes: new Uint8Array(), sizes: [1] };
const GONE: RunnerAnswer = { status: 404, contentType: "", body: NOTHING, end: "clean" };
const ASKED_LATER = 100;

const VIEWS = [
  "agui/events",
  "agui/events?view=raw",
  "agui/events?view=snapshot",
  "agui/messages",
  "agui/connect",
  "agui/connect?view=raw",
  "agui/connect?view=snapshot",
  "agui/run",
] as const;

const inputs = fc.record({
  lines: anyEvents,
  view: fc.constantFrom(...VIEWS),
  version: fc.constantFrom(...FUZZ_CLIENTS.map(({ version }) => version)),
  isWarm: fc.boolean(),
});

/**
 * Whatever a log holds, every view of it is a whole stream: frames of one line of JSON, as many bytes as
 * the log allows for, up to the last event; and one of the standard profile is taken by the generation
 * of clients that it is made for. What the session is as JSON is one object.
 */
export const target: FuzzTarget = fuzzTarget(
  "any-view",
  inputs,
  async ({ lines, view, version, isWarm }) => {
    const client = FUZZ_CLIENTS.find((other) => other.version === version);
    if (!client) throw new Error(`no client ${version}`);
    const bytes = encoder.encode(lines.map((line) => `${line}\n`).join(""));
    const text = await read(view, lines, { bytes, version, isWarm });
    const limit = MAX_GROWTH * (bytes.length + 1024);
    if (text.length > limit) throw new Error(`${text.length} characters of ${bytes.length} bytes`);
    if (view === "agui/messages") return assertNow(text);
    const events = framesIn(text);
    for (const event of events) {
      JSON.parse(event);
      if (event.length > MAX_FRAME_BYTES) throw new Error("a frame that no client takes");
    }
    if (view.startsWith("agui/events")) return;
    await assertRuns(events, client, isWarm ? null : text);
  },
);

/** The body of a view's answer; of one without end all that is stored. */
async function read(
  view: (typeof VIEWS)[number],
  lines: readonly string[],
  { bytes, version, isWarm }: { readonly bytes: Uint8Array; version: string; isWarm: boolean },
): Promise<string> {
  const store = createMemoryLogStore();
  const isRun = view === "agui/run";
  if (!isRun) {
    const { logId } = await store.create(KEY);
    await store.append(KEY, bytes, { logId, expectedEnd: 0 });
  }
  const stream = encoder.encode(lines.map((line) => `data: ${line}\n\n`).join(""));
  const body = { bytes: stream, sizes: [stream.length + 1] };
  const answer = { status: 200, contentType: "text/event-stream", body, end: "clean" } as const;
  // whoever asks between runs is told that there is nothing
  const server = await startFuzzServer(
    [answer, ...Array.from({ length: ASKED_LATER }, () => GONE)],
    store,
  );
  try {
    const isEvents = view.startsWith("agui/events");
    const isGet = isEvents || view === "agui/messages";
    const messages = isWarm || isRun ? [{ id: "a", role: "user", content: "hi" }] : [];
    const posted = { messages, ...(version.startsWith("1.") && { protocolVersion: "1.0" }) };
    const response = await server.fetch(
      new Request(`${SESSION}/${view}`, {
        headers: { "Content-Type": "application/json", Accept: "text/event-stream" },
        ...(!isGet && { method: "POST", body: JSON.stringify(posted) }),
      }),
    );
    if (response.status !== 200) throw new Error(`answered ${response.status}`);
    if (!isEvents) return await response.text();
    if (bytes.length > 0) return await readThrough(response, bytes.length);
    await response.body?.cancel();
    return "";
  } finally {
    await server.close();
  }
}

/** Throws unless it is one object with messages that each have an id. */
function assertNow(text: string): void {
  const { messages, cursor } = JSON.parse(text) as {
    messages: readonly { readonly id?: unknown }[] | null;
    cursor: unknown;
  };
  if (typeof cursor !== "string" || messages?.some(({ id }) => typeof id !== "string"))
    throw new Error(`not what a session is: ${text}`);
}

/**
 * Reads an endless stream through the frame of an offset, or of a later one: the server ends a run that
 * nobody works on, and a snapshot may be one of the log after that.
 */
async function readThrough(response: Response, offset: number): Promise<string> {
  const reader = response.body?.getReader();
  if (!reader) throw new Error("an answer without a body");
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let text = "";
  while (!(text.endsWith("\n\n") && lastOffset(text) >= offset)) {
    const { value, done } = await reader.read();
    if (done) throw new Error(`the stream ends before its last event: ${text.slice(-300)}`);
    text += decoder.decode(value, { stream: true });
  }
  await reader.cancel();
  return text;
}

/** The offset in the last id. */
function lastOffset(text: string): number {
  const id = text.lastIndexOf("id: ");
  return Number(/^id: \w+-r(\d+)$/mu.exec(text.slice(Math.max(id, 0)))?.[1] ?? -1);
}

/** Throws unless the events are whole runs, and the client takes them. */
async function assertRuns(
  events: readonly string[],
  client: FuzzClient,
  body: string | null,
): Promise<void> {
  const runs = createToldRuns();
  for (const event of events) runs.take(event);
  if (runs.isOpen) throw new Error("the last run has no end");
  if (body === null) return;
  await client.follow(body).catch((error: unknown) => {
    throw new Error(`${client.version} refuses it: ${String(error)}\n${body}`, { cause: error });
  });
}
