import { describe, expect, it } from "vitest";
import type { SseEvent } from "../read-sse.ts";
import { waitFor } from "../wait-for.ts";
import {
  finishedEvent,
  type FreshServer,
  ODD_EVENTS,
  openRunner,
  runBody,
  SessionClient,
  type SessionRoutesHarness,
  startedEvent,
  tell,
} from "./harness.ts";

const delta = (id: string, text: string): string =>
  `{"type":"TEXT_MESSAGE_CONTENT","messageId":"${id}","delta":"${text}"}`;
const text = (type: "START" | "END", id: string): string =>
  `{"type":"TEXT_MESSAGE_${type}","messageId":"${id}"}`;

/** The events of a run, and what is left of them when they are compacted. */
function talkativeRun(runId: string): { events: string[]; compacted: string[] } {
  const words = ["one ", "two ", String.raw`\ud83d`, String.raw`\ude00`, "é"];
  const before = [startedEvent(runId), ...ODD_EVENTS, text("START", runId)];
  const after = [text("END", runId), finishedEvent(runId)];
  return {
    events: [...before, ...words.map((word) => delta(runId, word)), ...after],
    compacted: [...before, delta(runId, words.join("")), ...after],
  };
}

/** Plays runs one after the other; resolves when all of them are compacted. */
export async function playCompacted(
  server: SessionRoutesHarness,
  session: SessionClient,
  runs: readonly string[],
): Promise<{ raw: string[]; compacted: string[] }> {
  for (const runId of runs) {
    server.runner.script((exchange) => tell(exchange, talkativeRun(runId).events));
    await session.run(runBody(runId));
    await session.settled(runId);
  }
  const raw = await session.lines();
  const compacted = raw.flatMap((line) => {
    const { messageId } = JSON.parse(line) as { messageId?: string };
    if (!line.includes("_CONTENT") || !messageId) return [line];
    const [first, merged] = [delta(messageId, "one "), talkativeRun(messageId).compacted.at(-3)!];
    return line === first ? [merged] : [];
  });
  await waitFor(async () => (await session.lines("")).length === compacted.length);
  return { raw, compacted };
}

async function replay(session: SessionClient, count: number, query = ""): Promise<SseEvent[]> {
  const { sse } = await session.watch(query);
  const events = await sse.events(count);
  await sse.cancel();
  return events;
}

export function compactSuite(fresh: FreshServer): void {
  describe("the condensed view (PROTOCOL 2.6, 3.5 and 4.3)", () => {
    it(
      "shows finished runs compacted, in order, and under view=raw as they were stored",
      fresh(async (server) => {
        const session = new SessionClient(server);
        const { raw, compacted } = await playCompacted(server, session, ["r1", "r2", "r3"]);
        expect(compacted.length).toBeLessThan(raw.length);
        const events = await replay(session, compacted.length);
        expect(events.map(({ data }) => data)).toEqual(compacted);
        const stored = await replay(session, raw.length, "?view=raw");
        expect(stored.map(({ data }) => data)).toEqual(raw);
      }),
    );

    it(
      "goes on after any of its cursors, and after any of the raw log in the raw log",
      fresh(async (server) => {
        const session = new SessionClient(server);
        const { raw, compacted } = await playCompacted(server, session, ["r1", "r2"]);
        for (const [query, lines] of [
          ["", compacted],
          ["?view=raw", raw],
        ] as const) {
          const events = await replay(session, lines.length, query);
          expect(new Set(events.map(({ id }) => id)).size).toBe(lines.length);
          for (const [index, { id }] of events.slice(0, -1).entries()) {
            const watch = await session.watch("", { "Last-Event-ID": id });
            expect(watch.response.headers.get("X-Runlog-Replay")).toBeNull();
            const rest = await watch.sse.events(lines.length - index - 1);
            expect(rest).toEqual(events.slice(index + 1));
            await watch.sse.cancel();
          }
        }
      }),
    );

    it(
      "goes on live after its last cursor, with the events of a run in flight as they come",
      fresh(async (server) => {
        const session = new SessionClient(server);
        const { compacted } = await playCompacted(server, session, ["r1"]);
        const last = (await replay(session, compacted.length)).at(-1)?.id ?? "";
        const runner = await openRunner(server, () => session.run(runBody("r2")));
        const fromStart = await session.watch();
        const resumed = await session.watch(`?after=${last}`);
        const { events } = talkativeRun("r2");
        for (const event of events.slice(0, -1)) await runner.write(`data: ${event}\n\n`);
        const live = await resumed.sse.events(events.length);
        expect(live.slice(1).map(({ data }) => data)).toEqual(events.slice(0, -1));
        const all = await fromStart.sse.events(compacted.length + events.length);
        expect(all.slice(0, compacted.length).map(({ data }) => data)).toEqual(compacted);
        expect(all.slice(compacted.length)).toEqual(live);
        await runner.write(`data: ${events.at(-1)}\n\n`);
        await runner.end();
        // what was compacted meanwhile does not show a viewer anything twice
        expect((await resumed.sse.events(1)).map(({ data }) => data)).toEqual(events.slice(-1));
        await Promise.all([resumed.sse.cancel(), fromStart.sse.cancel()]);
      }),
    );

    it(
      "begins again from the start, and says why, for a cursor that cannot be used in it",
      fresh(async (server) => {
        const session = new SessionClient(server);
        const { raw, compacted } = await playCompacted(server, session, ["r1"]);
        const first = (await replay(session, 1))[0]?.id ?? "";
        const [, logId = "", generation = "", offset = ""] =
          /^(\w+)-c(\d+)\.(\d+)$/.exec(first) ?? [];
        for (const [query, cursor, reason] of [
          ["", `${logId}-c${Number(generation) + 1}.${offset}`, "another-generation"],
          ["", `${logId}-c${generation}.99999999`, "beyond-the-end"],
          ["", `${logId}-c${generation}.${Number(offset) - 1}`, "not-at-a-line"],
          ["", `0123456789abcdef-c${generation}.${offset}`, "another-log"],
          ["?view=raw", first, "another-view"],
        ] as const) {
          const watch = await session.watch(query, { "Last-Event-ID": cursor });
          expect(watch.response.status).toBe(200);
          expect(watch.response.headers.get("X-Runlog-Replay")).toBe(`full; reason=${reason}`);
          const lines = query === "" ? compacted : raw;
          const events = await watch.sse.events(lines.length);
          expect(events.map(({ data }) => data)).toEqual(lines);
          await watch.sse.cancel();
        }
      }),
    );

    it(
      "is what an export holds, with the events after it; under view=raw everything is stored",
      fresh(async (server) => {
        const session = new SessionClient(server);
        const { raw, compacted } = await playCompacted(server, session, ["r1", "r2"]);
        const runner = await openRunner(server, () => session.run(runBody("r3")));
        await runner.write(`data: ${startedEvent("r3")}\n\n`);
        const added = await waitFor(async () => {
          const rest = (await session.lines()).slice(raw.length);
          return rest.length === 2 && rest;
        });
        for (const [query, lines] of [
          ["", [...compacted, ...added]],
          ["?view=raw", [...raw, ...added]],
        ] as const) {
          const response = await session.get(`/export${query}`, {
            Accept: "application/x-ndjson",
            "Accept-Encoding": "identity",
          });
          const body = await response.text();
          expect(body).toBe(lines.map((line) => `${line}\n`).join(""));
          const length = new TextEncoder().encode(body).length;
          expect(response.headers.get("Content-Length")).toBe(String(length));
          const document = await (await session.get(`/export${query}`)).text();
          expect(document).toContain(`"aguiEvents":[${lines.join(",")}],"hasLegacy":false}`);
        }
        await runner.end();
      }),
    );
  });
}
