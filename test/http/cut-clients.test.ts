import { EventType } from "@ag-ui/core";
import { beforeAll, describe, expect, inject, it, onTestFinished, vi } from "vitest";
import { createMemoryLogStore } from "../../adapters/memory/index.ts";
import { createRandom } from "../../scripts/bench/random.ts";
import { SseReader } from "../contract/read-sse.ts";
import {
  finishedEvent,
  SessionClient,
  startedEvent,
  tell,
} from "../contract/session-routes/harness.ts";
import { addressOfStream, CLIENTS } from "../support/agui-clients.ts";
import { cutterOf } from "../support/cut-frames.ts";
import { startTcpProxy } from "../support/tcp-proxy.ts";
import { listenTestServer } from "../support/test-server.ts";

const SEED = inject("seed");

/** Frames that a connection lets through before it is cut. */
const CUT_AFTER = { least: 50, most: 500 };
const DELTAS = 1_000;

const json = (event: Record<string, unknown>): string => JSON.stringify(event);

/** Deltas of one text, each with its number. */
const text = (messageId: string, count: number): string[] =>
  Array.from({ length: count }, (_, place) =>
    json({ type: "TEXT_MESSAGE_CONTENT", messageId, delta: `${place} ü😀 ` }),
  );

/** Every type of the standard but those that begin and end runs, with many deltas between them. */
const EVERYTHING: readonly string[] = [
  json({ type: "STATE_SNAPSHOT", snapshot: { step: 0 } }),
  json({ type: "STEP_STARTED", stepName: "one" }),
  json({ type: "REASONING_START", messageId: "think" }),
  json({ type: "REASONING_MESSAGE_START", messageId: "think", role: "reasoning" }),
  json({ type: "REASONING_MESSAGE_CONTENT", messageId: "think", delta: "hm" }),
  json({ type: "REASONING_MESSAGE_END", messageId: "think" }),
  json({ type: "REASONING_END", messageId: "think" }),
  json({ type: "REASONING_MESSAGE_CHUNK", messageId: "think2", delta: "well" }),
  json({ type: "TEXT_MESSAGE_START", messageId: "a", role: "assistant" }),
  ...text("a", DELTAS),
  json({ type: "TEXT_MESSAGE_END", messageId: "a" }),
  json({
    type: "REASONING_ENCRYPTED_VALUE",
    subtype: "message",
    entityId: "a",
    encryptedValue: "s",
  }),
  json({ type: "TOOL_CALL_START", toolCallId: "t", toolCallName: "f", parentMessageId: "a" }),
  json({ type: "TOOL_CALL_ARGS", toolCallId: "t", delta: '{"a":1}' }),
  json({ type: "TOOL_CALL_END", toolCallId: "t" }),
  json({ type: "TOOL_CALL_RESULT", toolCallId: "t", messageId: "result", content: "done" }),
  json({
    type: "TOOL_CALL_CHUNK",
    toolCallId: "t2",
    toolCallName: "g",
    parentMessageId: "a",
    delta: "{}",
  }),
  json({ type: "TOOL_CALL_RESULT", toolCallId: "t2", messageId: "result2", content: "done" }),
  json({ type: "TEXT_MESSAGE_CHUNK", messageId: "b", role: "assistant", delta: "one " }),
  json({ type: "TEXT_MESSAGE_CHUNK", messageId: "b", delta: "two" }),
  json({ type: "STATE_DELTA", delta: [{ op: "replace", path: "/step", value: 1 }] }),
  json({
    type: "ACTIVITY_SNAPSHOT",
    messageId: "act",
    activityType: "PLAN",
    content: { n: 0 },
    replace: true,
  }),
  json({
    type: "ACTIVITY_DELTA",
    messageId: "act",
    activityType: "PLAN",
    patch: [{ op: "replace", path: "/n", value: 1 }],
  }),
  json({ type: "RAW", event: { raw: true } }),
  json({ type: "CUSTOM", name: "custom", value: 1 }),
  json({ type: "SUBAGENT_STARTED", subagentRunId: "sub", name: "helper" }),
  json({ type: "SUBAGENT_FINISHED", subagentRunId: "sub" }),
  json({ type: "SUBAGENT_STARTED", subagentRunId: "sub2", name: "helper" }),
  json({ type: "SUBAGENT_ERROR", subagentRunId: "sub2", message: "failed" }),
  json({ type: "STEP_FINISHED", stepName: "one" }),
  json({ type: "TEXT_MESSAGE_START", messageId: "c", role: "assistant" }),
  ...text("c", DELTAS),
  json({ type: "TEXT_MESSAGE_END", messageId: "c" }),
  json({
    type: "MESSAGES_SNAPSHOT",
    messages: [
      { id: "m", role: "user", content: "hi" },
      { id: "snapshot", role: "assistant", content: "from a snapshot" },
    ],
  }),
];

const RUNS: Readonly<Record<string, readonly string[]>> = {
  "a run that finishes": [startedEvent("r"), ...EVERYTHING, finishedEvent("r")],
  "a run that fails": [
    startedEvent("r"),
    ...EVERYTHING,
    json({ type: "RUN_ERROR", threadId: "s1", runId: "r", message: "failed" }),
  ],
};

type Server = Awaited<ReturnType<typeof listenTestServer>>;

/** Posts the run; gives the frames of its stream one after the other, and throws where it is cut. */
async function* streamOf(
  origin: string,
  { path }: SessionClient,
  { profile, lastId }: { readonly profile: string; readonly lastId: string | null },
): AsyncGenerator<{ readonly raw: string; readonly id: string | null }> {
  const response = await fetch(`${origin}${path}/agui/run?profile=${profile}`, {
    method: "POST",
    body: '{"runId":"r","messages":[{"id":"m","role":"user","content":"hi"}]}',
    headers: {
      "Content-Type": "application/json",
      Accept: "text/event-stream",
      ...(lastId !== null && { "Last-Event-ID": lastId }),
    },
  });
  expect(response.status).toBe(200);
  // nothing is sent again from the beginning
  expect(response.headers.get("X-Runlog-Replay")).toBeNull();
  const sse = new SseReader(response.body!);
  for (let frame = await sse.frame(); frame; frame = await sse.frame())
    if (frame.data !== null) yield frame;
}

/** What a client has that comes back each time that it is cut, and how often that was. */
async function followCut(
  origin: string,
  session: SessionClient,
  profile: string,
): Promise<{ frames: string[]; cuts: number }> {
  const frames: { raw: string; id: string | null }[] = [];
  for (let cuts = 0; ; cuts++) {
    // what has no id comes again
    const at = frames.findLastIndex(({ id }) => id !== null);
    frames.splice(at + 1);
    const lastId = frames.at(-1)?.id ?? null;
    try {
      for await (const frame of streamOf(origin, session, { profile, lastId })) frames.push(frame);
      return { frames: frames.map(({ raw }) => raw), cuts };
    } catch (error) {
      // an assertion is no broken connection
      if (!(error instanceof TypeError)) throw error;
    }
  }
}

/** Posts the run twice, plainly and through a wire that is cut; the runner plays it meanwhile. */
async function followBoth(
  server: Server,
  events: readonly string[],
  profile: string,
  seed: number,
) {
  const wire = await startTcpProxy(server.port, {
    cutAfter: cutterOf(createRandom(seed), CUT_AFTER),
  });
  const session = new SessionClient(server);
  server.runner.script((exchange) => tell(exchange, events));
  const plain = (async () => {
    const frames: string[] = [];
    for await (const { raw } of streamOf(server.origin, session, { profile, lastId: null }))
      frames.push(raw);
    return frames;
  })();
  const cut = followCut(`http://127.0.0.1:${wire.port}`, session, profile);
  return { plain: await plain, cut: await cut };
}

describe.each(["1.0", "0.0"])(
  "a client that posts a run over a wire that is cut, profile %s",
  (profile) => {
    beforeAll(() => {
      // clients say what they think of a stream, for each event of it
      for (const method of ["warn", "error"] as const)
        vi.spyOn(console, method).mockImplementation(() => {});
    });

    it.each(Object.entries(RUNS))("gets every event once, in order: %s", async (_name, events) => {
      const server = await listenTestServer({ store: createMemoryLogStore() });
      onTestFinished(() => server.dispose());
      const { plain, cut } = await followBoth(server, events, profile, SEED);
      expect(cut.cuts).toBeGreaterThan((2 * DELTAS) / CUT_AFTER.most - 1);
      expect(cut.frames.length).toBe(plain.length);
      expect(cut.frames).toEqual(plain);
      for (const client of CLIENTS) {
        const { version } = client;
        if (profile === "1.0" && !version.startsWith("1.")) continue;
        const initialMessages = [{ id: "m", role: "user", content: "hi" }];
        const end = (frames: readonly string[]) =>
          client.follow(addressOfStream(frames.join("")), { initialMessages, threadId: "s1" });
        const uncut = await end(plain);
        expect(uncut.messages.length, version).toBeGreaterThan(1);
        expect(await end(cut.frames), version).toEqual(uncut);
      }
    });

    it("is told events of every type of the standard", () => {
      const said = new Set(
        Object.values(RUNS).flatMap((events) =>
          events.map((event) => (JSON.parse(event) as { type: EventType }).type),
        ),
      );
      expect(said).toEqual(new Set(Object.values(EventType)));
    });
  },
);
