import { describe, expect, it } from "vitest";
import {
  finishedEvent,
  type FreshServer,
  openRunner,
  SessionClient,
  startedEvent,
} from "./harness.ts";

const custom = (value: number): string => `{"type":"CUSTOM","name":"n","value":${value}}`;

export function liveSuite(fresh: FreshServer): void {
  describe("live (PROTOCOL 2.2, 4.1, 4.5)", () => {
    it(
      "an event is in the log before any viewer sees it",
      fresh(async (server) => {
        const session = new SessionClient(server);
        const runner = await openRunner(server, () => session.run());
        const { sse } = await session.watch();
        await sse.events(1);
        for (let i = 0; i < 20; i++) {
          await runner.write(`data: ${custom(i)}\n\n`);
          const [event] = await sse.events(1);
          expect(event?.data).toBe(custom(i));
          expect((await session.lines()).at(-1)).toBe(custom(i));
        }
        await runner.end();
        await sse.cancel();
      }),
    );

    it(
      "viewers that come at any time, also before the log exists, all see the same bytes",
      fresh(async (server) => {
        const session = new SessionClient(server);
        const watches = [await session.watch()];
        const runner = await openRunner(server, () => session.run());
        watches.push(await session.watch());
        await runner.write(`data: ${startedEvent()}\n\n`);
        for (let i = 0; i < 200; i++) {
          await runner.write(`data: ${custom(i)}\n\n`);
          if (i % 40 === 0) watches.push(await session.watch());
        }
        await runner.write(`data: ${finishedEvent()}\n\n`);
        await runner.end();
        const seen = await Promise.all(
          watches.map(({ sse }) => sse.until(({ data }) => data === finishedEvent())),
        );
        expect(seen[0]?.map(({ data }) => data)).toEqual(await session.lines());
        for (const events of seen) expect(events).toEqual(seen[0]);
        await Promise.all(watches.map(({ sse }) => sse.cancel()));
      }),
    );

    it(
      "a live stream that is cut 60 times and resumed by its cursor has no hole and no duplicate",
      fresh(async (server) => {
        const session = new SessionClient(server);
        const runner = await openRunner(server, () => session.run());
        const seen: string[] = [];
        let cursor: string | null = null;
        let written = 0;
        for (let cut = 0; cut < 60; cut++) {
          const { sse } = await session.watch(...resumeBy(cursor, cut % 2 === 0));
          // events come while the stream is open, and at times more than it will see
          const upTo = written + randomTo(20);
          for (; written < upTo; written++) await runner.write(`data: ${custom(written)}\n\n`);
          // the log holds the caller's snapshot as well
          const take = randomTo(written + 1 - seen.length);
          for (const { data, id } of await sse.events(take)) {
            seen.push(data);
            cursor = id;
          }
          await sse.cancel();
        }
        await runner.write(`data: ${finishedEvent()}\n\n`);
        await runner.end();
        const { sse } = await session.watch(...resumeBy(cursor, true));
        const rest = await sse.until(({ data }) => data === finishedEvent());
        seen.push(...rest.map(({ data }) => data));
        await sse.cancel();
        expect(seen).toEqual(await session.lines());
        expect(seen).toHaveLength(written + 2);
      }),
    );

    it(
      "viewers that leave stop nothing",
      fresh(async (server) => {
        const session = new SessionClient(server);
        const runner = await openRunner(server, () => session.run());
        const { sse } = await session.watch();
        await sse.events(1);
        await sse.cancel();
        await runner.write(`data: ${startedEvent()}\n\ndata: ${finishedEvent()}\n\n`);
        await runner.end();
        const again = await session.watch();
        await again.sse.until(({ data }) => data === finishedEvent());
        await again.sse.cancel();
      }),
    );
  });
}

/** A whole number from 1 to `max`. */
function randomTo(max: number): number {
  return 1 + Math.floor(Math.random() * max);
}

/** What `watch` takes to go on after a cursor, by header or by query. */
function resumeBy(cursor: string | null, byHeader: boolean): [string, Record<string, string>] {
  if (cursor === null) return ["", {}];
  return byHeader ? ["", { "Last-Event-ID": cursor }] : [`?after=${cursor}`, {}];
}
