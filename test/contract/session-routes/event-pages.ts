import { describe, expect, it } from "vitest";
import { playCompacted } from "./compact.ts";
import { waitFor } from "../wait-for.ts";
import {
  expectProblem,
  finishedEvent,
  type FreshServer,
  ODD_EVENTS,
  SessionClient,
  startedEvent,
  tell,
} from "./harness.ts";

/** A page as JSON. */
interface Page {
  readonly events: readonly unknown[];
  readonly cursors: readonly string[];
  readonly times: readonly (number | null)[];
  readonly start: string | null;
  readonly end: string | null;
  readonly hasBefore: boolean;
  readonly hasAfter: boolean;
  readonly startOffset: number;
  readonly endOffset: number;
  readonly size: number;
}

const RUN = [startedEvent(), ...ODD_EVENTS, finishedEvent()];

export function eventPagesSuite(fresh: FreshServer): void {
  describe("pages of events (PROTOCOL 20.1)", () => {
    it(
      "have the stored events verbatim, with the cursors that the stream gives them",
      fresh(async (server) => {
        const session = new SessionClient(server);
        const lines = await session.play(RUN);
        const { sse } = await session.watch("?view=raw");
        const ids = (await sse.events(lines.length)).map(({ id }) => id);
        await sse.cancel();
        const response = await session.get("/agui/events/page?view=raw&after=");
        expect(response.status).toBe(200);
        expect(response.headers.get("Content-Type")).toBe("application/json");
        const text = await response.text();
        expect(text).toContain(`{"events":[${lines.join(",")}],"cursors":[`);
        const { events: _, ...rest } = JSON.parse(text) as Page;
        // in order, and of now
        expect(rest.times).toEqual(rest.times.toSorted((a, b) => Number(a) - Number(b)));
        const size = bytesOf(lines);
        expect(rest).toEqual({
          cursors: ids,
          times: ids.map((): unknown => expect.any(Number)),
          start: expect.stringMatching(/-r0$/),
          end: ids.at(-1),
          hasBefore: false,
          hasAfter: false,
          startOffset: 0,
          endOffset: size,
          size,
        });
      }),
    );

    it(
      "begin at any byte of the history, and say how many come before and after",
      fresh(async (server) => {
        const session = new SessionClient(server);
        const { compacted } = await playCompacted(server, session, ["r1", "r2"]);
        // goes on, so that it stays in the raw log
        server.runner.script(async (exchange) => {
          await exchange.answer(200, { "Content-Type": "text/event-stream" });
          await exchange.write(`data: ${startedEvent("r3")}\n\n`);
        });
        await session.run('{"runId":"r3","messages":[]}');
        await waitFor(async () => (await session.lines()).at(-1)?.includes('"r3"') === true);
        for (const view of ["view=raw&", ""]) {
          const { size, cursors, events } = await pageOf(session, `${view}after=`);
          if (view === "") expect(events.length).toBeGreaterThan(compacted.length);
          /** Where each event begins, by the pages before it. */
          const starts: number[] = [];
          for (const cursor of cursors) {
            const page = await pageOf(session, `${view}before=${cursor}&limit=1`);
            expect(page.size).toBe(size);
            starts.push(page.startOffset);
          }
          expect(starts).toEqual([...new Set(starts)].toSorted((a, b) => a - b));
          // before, at and after where events begin, some of them, and the ends
          const some = starts.filter((_, place) => place % 4 === 0);
          const offsets = some.flatMap((start) => [start - 1, start, start + 1]);
          for (const offset of [...offsets.filter((at) => at >= 0), size - 1, size, size + 1]) {
            const page = await pageOf(session, `${view}offset=${offset}`);
            const index = starts.findIndex((start) => start >= offset);
            expect(page.cursors).toEqual(index === -1 ? [] : cursors.slice(index));
            expect(page.startOffset).toBe(starts[index] ?? size);
            expect([page.endOffset, page.hasBefore]).toEqual([size, page.startOffset > 0]);
          }
        }
      }),
    );

    it(
      "follow each other in both directions, each event once, whatever their size",
      fresh(async (server) => {
        const session = new SessionClient(server);
        const { raw, compacted } = await playCompacted(server, session, ["r1", "r2"]);
        for (const [view, lines] of [
          ["view=raw&", raw],
          ["", compacted],
        ] as const)
          for (const limit of [1, 4, 1_000]) {
            const query = `${view}limit=${limit}`;
            expect(await walk(session, query, "after")).toEqual(lines);
            expect(await walk(session, query, "before")).toEqual(lines);
          }
      }),
    );

    it(
      "go on in the raw log before a cursor of it, also where that has been compacted",
      fresh(async (server) => {
        const session = new SessionClient(server);
        const { raw } = await playCompacted(server, session, ["r1", "r2"]);
        const { cursors } = await pageOf(session, "view=raw&after=");
        for (const [index, cursor] of cursors.slice(0, -1).entries()) {
          const before = await linesOf(session, `before=${cursor}`);
          const after = await linesOf(session, `after=${cursor}`);
          expect([...before.lines, ...after.lines]).toEqual(raw);
          expect(before.lines).toHaveLength(index + 1);
        }
      }),
    );

    it(
      "are JSON lines for who accepts these, with the places of their ends in headers",
      fresh(async (server) => {
        const session = new SessionClient(server);
        const lines = await session.play(RUN);
        const page = await pageOf(session, "view=raw&limit=2");
        const accept = { Accept: "application/x-ndjson" };
        for (const method of ["GET", "HEAD"]) {
          const response = await session.get("/agui/events/page?view=raw&limit=2", accept, method);
          const text = await response.text();
          const expected = lines
            .slice(-2)
            .map((line) => `${line}\n`)
            .join("");
          if (method === "GET") expect(text).toBe(expected);
          expect(Object.fromEntries(response.headers)).toMatchObject({
            "content-type": "application/x-ndjson",
            "content-length": String(new TextEncoder().encode(expected).length),
            "x-runlog-start": page.start,
            "x-runlog-end": page.end,
            "x-runlog-has-before": "true",
            "x-runlog-has-after": "false",
            "x-runlog-start-offset": String(page.startOffset),
            "x-runlog-end-offset": String(page.endOffset),
            "x-runlog-size": String(bytesOf(lines)),
          });
        }
        const other = await session.get("/agui/events/page", { Accept: "text/html" });
        await expectProblem(other, 406, "A page is application/json or application/x-ndjson");
      }),
    );

    it(
      "after the last event are empty until there is another one",
      fresh(async (server) => {
        const session = new SessionClient(server);
        await session.play(RUN);
        const { end, size } = await pageOf(session, "view=raw");
        const offsets = { startOffset: size, endOffset: size, size };
        const empty = {
          events: [],
          cursors: [],
          times: [],
          start: end,
          end,
          hasBefore: true,
          ...offsets,
        };
        expect(await pageOf(session, `after=${end}`)).toEqual({ ...empty, hasAfter: false });
        const second = [startedEvent("r2"), finishedEvent("r2")];
        server.runner.script((exchange) => tell(exchange, second));
        await session.run('{"runId":"r2","messages":[{"id":"u","role":"user","content":"x"}]}');
        await session.settled("r2");
        const next = await pageOf(session, `after=${end}`);
        expect(next.events[0]).toMatchObject({ type: "MESSAGES_SNAPSHOT", runId: "r2" });
        expect(next).toMatchObject({ start: end, hasBefore: true, hasAfter: false });
      }),
    );

    it(
      "of a session without events are empty, and of none are not found",
      fresh(async (server) => {
        const session = new SessionClient(server, "empty");
        await expectProblem(await session.get("/agui/events/page"), 404, "Session not found");
        const lines = await session.play(RUN);
        const first = (await pageOf(session, "view=raw&after=")).start;
        expect(await pageOf(session, `before=${first}`)).toEqual({
          events: [],
          cursors: [],
          times: [],
          start: first,
          end: first,
          hasBefore: false,
          hasAfter: true,
          startOffset: 0,
          endOffset: 0,
          size: bytesOf(lines),
        });
      }),
    );

    it(
      "cannot be asked for with what is no page",
      fresh(async (server) => {
        const session = new SessionClient(server);
        await session.play(RUN);
        const { end } = await pageOf(session, "view=raw");
        const [logId = ""] = (end ?? "").split("-");
        for (const limit of ["0", "10001", "-1", "1e3", "", "x", "9007199254740993"])
          await refused(session, `limit=${limit}`, 400, "Invalid limit: a number from 1 to 10000");
        const both =
          "Invalid page: it is after a cursor, before one, or at an offset, not two of these";
        await refused(session, `after=${end}&before=${end}`, 400, both);
        await refused(session, `offset=0&before=`, 400, both);
        for (const offset of ["", "-1", "1e3", "x", "1.5", "9007199254740993"])
          await refused(session, `offset=${offset}`, 400, "Invalid offset: a number of bytes");
        await refused(session, "view=snapshot", 400, "Invalid view: raw, or none");
        for (const cursor of ["x", `${logId}-r01`, `${logId}-r1.2`])
          await refused(session, `after=${cursor}`, 400, "Invalid cursor");
        const compact = `view=raw&before=${logId}-c3.0`;
        await refused(session, compact, 400, /^Invalid cursor: with view=raw/);
        for (const cursor of [
          `${logId}-r1`,
          `${logId}-r999999`,
          `${logId}-c1.0`,
          `${logId}-c3.999999`,
          "0123456789abcdef-r0",
        ])
          for (const side of ["after", "before"])
            await refused(session, `${side}=${cursor}`, 404, /^No such position: /);
      }),
    );
  });
}

/** With their line ends. */
function bytesOf(lines: readonly string[]): number {
  return new TextEncoder().encode(lines.map((line) => `${line}\n`).join("")).length;
}

async function pageOf(session: SessionClient, query: string): Promise<Page> {
  const response = await session.get(`/agui/events/page?${query}`);
  const text = await response.text();
  expect(response.status, text).toBe(200);
  return JSON.parse(text) as Page;
}

interface Lines {
  readonly lines: string[];
  readonly headers: Headers;
}

async function linesOf(session: SessionClient, query: string): Promise<Lines> {
  const response = await session.get(`/agui/events/page?${query}`, {
    Accept: "application/x-ndjson",
  });
  const text = await response.text();
  expect(response.status, text).toBe(200);
  return { lines: text === "" ? [] : text.slice(0, -1).split("\n"), headers: response.headers };
}

/** All lines, by pages from one end to the other. */
async function walk(
  session: SessionClient,
  query: string,
  direction: "after" | "before",
): Promise<string[]> {
  const found: string[] = [];
  for (let cursor = ""; ;) {
    const { lines, headers } = await linesOf(session, `${query}&${direction}=${cursor}`);
    const isAfter = direction === "after";
    found.splice(isAfter ? found.length : 0, 0, ...lines);
    if (headers.get(isAfter ? "X-Runlog-Has-After" : "X-Runlog-Has-Before") === "false")
      return found;
    cursor = headers.get(isAfter ? "X-Runlog-End" : "X-Runlog-Start") ?? "";
  }
}

async function refused(
  session: SessionClient,
  query: string,
  status: number,
  detail: string | RegExp,
): Promise<void> {
  await expectProblem(await session.get(`/agui/events/page?${query}`), status, detail);
}
