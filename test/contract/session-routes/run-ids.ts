import { describe, expect, it } from "vitest";
import { waitFor } from "../wait-for.ts";
import {
  finishedEvent,
  type FreshServer,
  openRunner,
  runBody,
  SessionClient,
  startedEvent,
  tell,
} from "./harness.ts";

/** Runs whose runner gives them ids of its own, or begins others within them. */
export function runIdsSuite(fresh: FreshServer): void {
  describe("runs, whatever ids their runner gives them (PROTOCOL 5.6)", () => {
    const ends = (type: string, runId?: string): string =>
      JSON.stringify({ type, threadId: "t", ...(runId !== undefined && { runId }), message: "m" });
    const begins = (runId?: string): string =>
      JSON.stringify({ type: "RUN_STARTED", threadId: "t", ...(runId !== undefined && { runId }) });
    for (const [what, events] of [
      ["it ends under another id", [startedEvent(), ends("RUN_FINISHED", "own")]],
      ["it ends under the id of an earlier run", [startedEvent(), ends("RUN_FINISHED", "before")]],
      ["it ends under an empty id", [startedEvent(), ends("RUN_FINISHED", "")]],
      ["it ends under no id", [startedEvent(), ends("RUN_FINISHED")]],
      [
        "it ends under an id that is too long",
        [startedEvent(), ends("RUN_FINISHED", "x".repeat(300))],
      ],
      ["it begins and ends under another id", [begins("own"), ends("RUN_FINISHED", "own")]],
      [
        "it begins and ends under that of an earlier run",
        [begins("before"), ends("RUN_FINISHED", "before")],
      ],
      [
        "it begins under another id and ends under a third",
        [begins("own"), ends("RUN_FINISHED", "third")],
      ],
      ["it begins under another id and ends under its own", [begins("own"), finishedEvent()]],
      ["it begins and ends under no id", [begins(), ends("RUN_FINISHED")]],
      ["it only ends, under another id", [ends("RUN_FINISHED", "own")]],
      ["it fails under another id", [startedEvent(), ends("RUN_ERROR", "own")]],
      ["it begins and fails under another id", [begins("own"), ends("RUN_ERROR", "own")]],
      [
        "it fails in the middle, begins again, and has a run within it",
        [
          begins("own"),
          ends("RUN_ERROR", "own"),
          begins("own"),
          begins("within"),
          ends("RUN_FINISHED", "within"),
          ends("RUN_FINISHED", "own"),
        ],
      ],
    ] as const)
      it(
        `end as their runner says, whatever id it gives them: ${what}`,
        fresh(async (server) => {
          const session = new SessionClient(server);
          server.runner.script((exchange) => tell(exchange, [finishedEvent("before")]));
          await session.run(runBody("before"));
          await session.settled("before");
          const from = (await session.lines()).length + 1;
          server.runner.script((exchange) => tell(exchange, events));
          await session.run();
          await waitFor(async () => (await session.lines()).at(-1) === events.at(-1));
          await waitFor(async () => (await session.agentStatus()) === "idle");
          // a run is over once another one has begun and ended after it
          server.runner.script((exchange) => tell(exchange, [finishedEvent("next")]));
          await session.run(runBody("next"));
          await waitFor(async () => (await session.lines()).at(-1) === finishedEvent("next"));
          const [first, ...rest] = (await session.lines()).slice(from, -2);
          const isOwn = first === startedEvent();
          expect(isOwn ? [first, ...rest] : rest).toEqual(events);
          expect(JSON.parse(first ?? "")).toMatchObject({ type: "RUN_STARTED", runId: "r" });
          expect(await session.run()).toMatchObject({ runId: "r" });
          expect(server.runner.requests).toHaveLength(3);
        }),
      );

    it(
      "let the next one begin when they end under another id, though their runner stays",
      fresh(async (server) => {
        const session = new SessionClient(server);
        const runner = await openRunner(server, () => session.run());
        await runner.write(`data: ${startedEvent()}\n\ndata: ${ends("RUN_FINISHED", "own")}\n\n`);
        await waitFor(async () => (await session.agentStatus()) === "idle");
        server.runner.script((exchange) =>
          tell(exchange, [startedEvent("next"), finishedEvent("next")]),
        );
        await session.run(runBody("next"));
        await session.settled("next");
        // what would end the run of somebody else is not stored
        await runner.write(`data: ${ends("RUN_FINISHED", "own")}\n\ndata: {"type":"CUSTOM"}\n\n`);
        await waitFor(async () => (await session.lines()).at(-1) === '{"type":"CUSTOM"}');
        const all = await session.lines();
        expect(all.filter((line) => line === ends("RUN_FINISHED", "own"))).toHaveLength(1);
        await runner.end();
      }),
    );

    it(
      "are not ended by the end of a run within them",
      fresh(async (server) => {
        const session = new SessionClient(server);
        const runner = await openRunner(server, () => session.run());
        const within = [startedEvent(), begins("within"), ends("RUN_FINISHED", "within")];
        for (const event of [...within, ends("RUN_FINISHED", "within")])
          await runner.write(`data: ${event}\n\n`);
        await waitFor(async () => (await session.lines()).length === 5);
        await runner.end();
        expect((await session.settled()).at(-1)).toContain("runner-disconnected");
      }),
    );

    const outcome = { type: "interrupt", interrupts: [{ id: "i", reason: "r" }] };
    for (const [what, events] of [
      [
        "its outcome",
        [startedEvent(), JSON.stringify({ type: "RUN_FINISHED", runId: "own", outcome })],
      ],
      [
        "a custom event",
        [startedEvent(), '{"type":"CUSTOM","name":"on_interrupt","value":1}', finishedEvent()],
      ],
    ] as const)
      it(
        `leave the agent waiting for input when they are interrupted, by ${what}`,
        fresh(async (server) => {
          const session = new SessionClient(server);
          server.runner.script((exchange) => tell(exchange, events));
          await session.run();
          await waitFor(async () => (await session.lines()).at(-1) === events.at(-1));
          await waitFor(async () => (await session.agentStatus()) === "waiting_input");
          server.runner.script((exchange) =>
            tell(exchange, [startedEvent("next"), finishedEvent("next")]),
          );
          await session.run(runBody("next"));
          await session.settled("next");
          await waitFor(async () => (await session.agentStatus()) === "idle");
        }),
      );

    it(
      "end in the log when their runner began them within another one and left them",
      fresh(async (server) => {
        const session = new SessionClient(server);
        await session.play([startedEvent(), startedEvent("x"), finishedEvent()]);
        const last = await waitFor(async () => {
          const line = (await session.lines()).at(-1) ?? "";
          return line.includes("RUN_ERROR") && line;
        });
        expect(JSON.parse(last)).toMatchObject({ runId: "x", code: "runner-disconnected" });
      }),
    );
  });
}
