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
      "a stream that is cut anywhere and resumed by its cursor has no hole and no duplicate",
      fresh(async (server) => {
        const session = new SessionClient(server);
        const count = 600;
        const runner = await openRunner(server, () => session.run());
        const writing = (async () => {
          for (let i = 0; i < count; i++) await runner.write(`data: ${custom(i)}\n\n`);
          await runner.write(`data: ${finishedEvent()}\n\n`);
          await runner.end();
        })();
        const seen: string[] = [];
        let cursor = "";
        for (let cuts = 0; seen.at(-1) !== finishedEvent(); cuts++) {
          const byHeader = cuts % 2 === 0;
          const { sse } = await session.watch(
            byHeader || cursor === "" ? "" : `?after=${cursor}`,
            byHeader && cursor !== "" ? { "Last-Event-ID": cursor } : {},
          );
          const last = cuts >= 60;
          const take = last ? count : 1 + Math.floor(Math.random() * 10);
          for (let i = 0; i < take && seen.at(-1) !== finishedEvent(); i++) {
            const event = await sse.event();
            if (!event) break;
            seen.push(event.data);
            cursor = event.id;
          }
          await sse.cancel();
        }
        await writing;
        expect(seen).toEqual(await session.lines());
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
