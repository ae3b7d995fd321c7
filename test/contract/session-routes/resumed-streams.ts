import { describe, expect, it } from "vitest";
import { type SseFrame, SseReader } from "../read-sse.ts";
import {
  finishedEvent,
  type FreshServer,
  openRunner,
  runBody,
  SessionClient,
  startedEvent,
  tell,
} from "./harness.ts";
import { json, playRuns, post, REPLY, STREAM } from "./standard-client.ts";

/** Events of which some come to several frames: chunks are written out. */
const CHUNKS = [
  json({ type: "TEXT_MESSAGE_CHUNK", messageId: "b", role: "assistant", delta: "one" }),
  json({ type: "TEXT_MESSAGE_CHUNK", messageId: "b", delta: "two" }),
  json({ type: "TEXT_MESSAGE_CHUNK", messageId: "c", role: "assistant", delta: "three" }),
];

/** The frames up to the end of the stream, or so many. */
async function framesOf(sse: SseReader, count = Infinity): Promise<SseFrame[]> {
  const frames: SseFrame[] = [];
  while (frames.length < count) {
    const frame = await sse.frame();
    if (frame === null) break;
    if (frame.data !== null) frames.push(frame);
  }
  return frames;
}

/** The header with which a client comes back. */
function after(id: string): Record<string, string> {
  return { ...STREAM, "Last-Event-ID": id };
}

function idsOf(frames: readonly SseFrame[]): string[] {
  return frames.flatMap(({ id }) => id ?? []);
}

export function resumedStreamsSuite(fresh: FreshServer): void {
  describe("a stream of the standard profile that was cut (PROTOCOL 11.14)", () => {
    for (const query of ["?view=raw", ""])
      it(
        `connect goes on after every frame that has an id, exactly: ${query || "compact"}`,
        fresh(async (server) => {
          const session = new SessionClient(server);
          await playRuns(server, session, [
            [startedEvent("r0"), ...REPLY, ...CHUNKS, finishedEvent("r0")],
            [startedEvent("r1"), ...CHUNKS, finishedEvent("r1")],
          ]);
          const whole = await framesOf(await post(session, `/agui/connect${query}`, {}));
          const ids = idsOf(whole);
          expect(ids.length).toBeGreaterThan(10);
          expect(new Set(ids).size).toBe(ids.length);
          for (const id of ids) {
            const rest = await framesOf(
              await post(session, `/agui/connect${query}`, {}, after(id)),
            );
            expect(rest).toEqual(whole.slice(whole.findIndex((frame) => frame.id === id) + 1));
          }
        }),
      );

    it(
      "a run that is posted again goes on after the client's last frame, while it goes on and after it",
      fresh(async (server) => {
        const session = new SessionClient(server);
        await playRuns(server, session, [[startedEvent("r0"), ...REPLY, finishedEvent("r0")]]);
        const body: unknown = JSON.parse(runBody());
        let first: SseReader | undefined;
        const runner = await openRunner(server, async () => {
          first = await post(session, "/agui/run", body, STREAM);
        });
        await runner.write(`data: ${startedEvent()}\n\ndata: ${CHUNKS[0]}\n\n`);
        const seen = await framesOf(first!, 3);
        await first!.cancel();
        const second = await post(session, "/agui/run", body, after(seen[1]?.id ?? ""));
        await runner.write(`data: ${CHUNKS[1]}\n\ndata: ${finishedEvent()}\n\n`);
        await runner.end();
        const rest = await framesOf(second);
        expect(rest[0]).toEqual(seen[2]);
        const whole = await framesOf(await post(session, "/agui/run", body, STREAM));
        expect([...seen.slice(0, 2), ...rest]).toEqual(whole);
        for (const [at, { id }] of whole.entries())
          if (id !== null)
            expect(await framesOf(await post(session, "/agui/run", body, after(id)))).toEqual(
              whole.slice(at + 1),
            );
        expect(server.runner.requests).toHaveLength(2);
      }),
    );

    it(
      "a cursor of before the history was compacted is still good",
      fresh(async (server) => {
        const session = new SessionClient(server);
        await playRuns(server, session, [
          [startedEvent("r0"), ...REPLY, finishedEvent("r0")],
          [startedEvent("r1"), ...REPLY, ...CHUNKS, finishedEvent("r1")],
        ]);
        const raw = await framesOf(await post(session, "/agui/connect?view=raw", {}));
        const at = 4;
        const rest = await framesOf(await post(session, "/agui/connect", {}, after(raw[at]!.id!)));
        expect(rest).toEqual(raw.slice(at + 1));
      }),
    );

    it(
      "a cursor that says nothing here is answered with a snapshot, and why",
      fresh(async (server) => {
        const session = new SessionClient(server);
        await playRuns(server, session, [[startedEvent("r0"), ...REPLY, finishedEvent("r0")]]);
        const [{ id: last }] = (
          await framesOf(await post(session, "/agui/connect?view=raw", {}))
        ).slice(-1) as [SseFrame];
        for (const [id, reason] of [
          ["nonsense", "unreadable-cursor"],
          [`0123456789abcdef-r1`, "another-log"],
          [`${last}0`, "beyond-the-end"],
          [`${last}.7`, "no-such-frame"],
        ] as const) {
          const response = await session.post("/agui/connect", "{}", after(id));
          expect(response.headers.get("X-Runlog-Replay")).toBe(`full; reason=${reason}`);
          const types = (await framesOf(new SseReader(response.body!))).map(
            ({ data }) => (JSON.parse(data ?? "") as { type: string }).type,
          );
          expect(types).toContain("MESSAGES_SNAPSHOT");
        }
      }),
    );

    it(
      "a run that is new is not affected by an id that the client has",
      fresh(async (server) => {
        const session = new SessionClient(server);
        server.runner.script((exchange) => tell(exchange, [startedEvent(), finishedEvent()]));
        const sse = await post(session, "/agui/run", JSON.parse(runBody()), after("nonsense"));
        expect(await framesOf(sse)).toHaveLength(2);
      }),
    );
  });
}
