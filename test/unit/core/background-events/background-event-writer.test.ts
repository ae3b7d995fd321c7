import { createRunMarks, type EndNotices } from "../../../../src/core/log/open-run-marks.ts";
import { describe, expect, it } from "vitest";
import { createLocalPlatform } from "../../../../adapters/local/index.ts";
import { createMemoryLogStore } from "../../../../adapters/memory/index.ts";
import { factsOfLine } from "../../../../src/core/model/server-events.ts";
import { BackgroundEventWriter } from "../../../../src/core/background-events/background-event-writer.ts";
import { SHUTDOWN, UNFINISHED } from "../../../../src/core/model/run-end-reasons.ts";
import { RunlogError } from "../../../../src/ports/errors.ts";
import { drain, textOf, utf8 } from "../../../contract/bytes.ts";
import { codeOf, collect } from "../../../contract/outcome.ts";
import { createManualClock } from "../../../support/manual-clock.ts";
import { sessionsOf, silent } from "../../../support/session-registry.ts";

const KEY = { project: "p", session: "s" };

const started = (runId: string): string => `{"type":"RUN_STARTED","runId":"${runId}"}`;
const finished = (runId: string): string => `{"type":"RUN_FINISHED","runId":"${runId}"}`;
const failed = (runId: string): string => `{"type":"RUN_ERROR","runId":"${runId}"}`;
const text = (runId?: string): string =>
  JSON.stringify({ type: "TEXT_MESSAGE_CONTENT", delta: "x", ...(runId && { runId }) });

async function setUp(inFlight: readonly string[] = [], notices: EndNotices | null = null) {
  const memory = createMemoryLogStore();
  const state = { isBroken: false };
  const store: typeof memory = {
    ...memory,
    append: (key, bytes, options) =>
      state.isBroken
        ? Promise.reject(new RunlogError("store-full", "full"))
        : memory.append(key, bytes, options),
  };
  const clock = createManualClock();
  const sessions = sessionsOf(store, { clock });
  const use = sessions.use(KEY);
  const logId = await use.session.loadOrCreate();
  const events = new BackgroundEventWriter(
    {
      key: KEY,
      logId,
      threadId: "t",
      sessions,
      marks: createRunMarks(store, notices),
      platform: createLocalPlatform(),
      clock,
      logger: silent,
      isInFlight: (runId) => (runId === null ? inFlight.length > 0 : inFlight.includes(runId)),
    },
    null,
    0,
  );
  use.release();
  return {
    events,
    sessions,
    session: use.session,
    state,
    say: (...said: readonly string[]) => {
      const lines = said.map((event) => utf8(`${event}\n`));
      return events.store({ lines, events: lines.map((line) => factsOfLine(line)) }, null);
    },
    lines: async () => {
      const all = textOf(await drain(store.read(KEY, { logId })));
      return all === "" ? [] : all.slice(0, -1).split("\n");
    },
    marks: async () => (await collect(store.openRuns())).map(({ runId, data }) => [runId, data]),
  };
}

/** What comes, and what of it is stored, while the run `posted` is in flight. */
const SENT: readonly (readonly [string, readonly string[], readonly boolean[]])[] = [
  ["events of no run", [text(), '{"type":"CUSTOM"}'], [true, true]],
  ["events that name the posted run", [text("posted"), finished("posted")], [false, false]],
  [
    "everything between the start and the end of the posted run",
    [started("posted"), text(), text("posted"), finished("posted"), text()],
    [false, false, false, false, true],
  ],
  [
    "what the posted run sends after a RUN_ERROR",
    [started("posted"), failed("posted"), text(), finished("posted")],
    [false, false, false, false],
  ],
  [
    "a run of its own, with events of the posted one in it",
    [started("own"), text(), text("posted"), text("own"), finished("own")],
    [true, true, false, true, true],
  ],
  ["events of a run that is not in flight", [text("other"), text("other")], [true, true]],
  ["an empty run id as none", ['{"type":"CUSTOM","runId":""}'], [true]],
  ["a terminal of no run: it would end the posted one", ['{"type":"RUN_FINISHED"}'], [false]],
];

describe("background events", () => {
  it.each(SENT)("beside a posted run: %s", async (_, sent, isStored) => {
    const wanted = sent.filter((_event, i) => isStored[i]);
    const together = await setUp(["posted"]);
    await together.say(...sent);
    expect(await together.lines()).toEqual(wanted);
    const apart = await setUp(["posted"]);
    for (const event of sent) await apart.say(event);
    expect(await apart.lines()).toEqual(wanted);
    await apart.events.end(UNFINISHED);
    expect(await apart.lines()).toEqual(wanted);
    expect(apart.sessions.used).toBe(0);
  });

  it("leave a mark of each run that they begin, also of one that ends with them, until its end is noticed", async () => {
    const noticed: string[] = [];
    const notices: EndNotices = {
      async settled({ data, runId }) {
        noticed.push(`${runId} ${data}`);
      },
    };
    const { marks, say, state } = await setUp([], notices);
    await say(text());
    const { length: startsAt } = `${text()}\n`;
    const data = JSON.stringify({ threadId: "t", startsAt });
    state.isBroken = true;
    // a kill before the append or right after it finds these
    expect(await codeOf(say(started("a"), finished("a"), started("b")))).toBe("store-full");
    expect(await marks()).toEqual([
      ["a", data],
      ["b", data],
    ]);
    expect(noticed).toEqual([]);
    state.isBroken = false;
    await say(started("a"), finished("a"), started("b"));
    expect(noticed).toEqual([`a ${data}`]);
    expect(await marks()).toEqual([["b", data]]);
    const all = await setUp([], notices);
    await all.say(started("c"));
    await all.say(finished("c"), started("d"), finished("d"));
    expect(await all.marks()).toEqual([]);
    expect(noticed.map((each) => each.slice(0, 1))).toEqual(["a", "d", "c"]);
  });

  it("are all stored while no posted run is in flight, but the end of a run once", async () => {
    const { lines, say } = await setUp();
    await say(started("a"), finished("a"));
    await say(finished("a"), text("a"), text(), '{"type":"RUN_ERROR"}');
    expect(await lines()).toEqual([
      started("a"),
      finished("a"),
      text("a"),
      text(),
      '{"type":"RUN_ERROR"}',
    ]);
  });

  it("count for the session's state", async () => {
    const { say, session } = await setUp();
    await say(started("own"), text());
    expect(session.state).toMatchObject({ status: "working", openRun: "own" });
    await say(finished("own"));
    expect(session.state).toMatchObject({ status: "idle", openRun: null });
  });

  it.each([
    ["is open", [started("own"), text()]],
    ["went on after a RUN_ERROR", [started("own"), failed("own"), text()]],
  ])("of a run that %s when the connection ends get an end", async (_, sent) => {
    for (const reason of [UNFINISHED, SHUTDOWN]) {
      const { events, lines, marks, say, session, sessions } = await setUp();
      for (const event of sent) await say(event);
      expect(await marks()).toEqual([["own", '{"threadId":"t"}']]);
      expect(sessions.used).toBe(1);
      await events.end(reason);
      const stored = await lines();
      expect(stored.slice(0, -1)).toEqual(sent);
      expect(JSON.parse(stored.at(-1) ?? "")).toEqual({
        type: "RUN_ERROR",
        runId: "own",
        threadId: "t",
        timestamp: expect.any(Number),
        ...reason,
      });
      expect(session.state.status).toBe("idle");
      expect(await marks()).toEqual([]);
      expect(sessions.used).toBe(0);
    }
  });

  it.each([
    ["finished", [started("own"), text(), finished("own"), text("own")]],
    ["failed", [started("own"), failed("own")]],
  ])("of a run that has %s get no other end, and leave nothing open", async (_, sent) => {
    const { events, lines, marks, say, sessions } = await setUp();
    for (const event of sent) await say(event);
    expect(await marks()).toEqual([]);
    expect(sessions.used).toBe(0);
    await events.end(UNFINISHED);
    expect(await lines()).toEqual(sent);
  });

  it("end a run that another one overtakes", async () => {
    for (const isTogether of [true, false]) {
      const { events, lines, marks, say, session } = await setUp();
      if (isTogether) await say(started("a"), started("b"));
      else {
        await say(started("a"));
        await say(started("b"));
      }
      expect(await marks()).toEqual([["b", '{"threadId":"t"}']]);
      await say(finished("b"));
      const stored = await lines();
      expect(stored).toEqual([started("a"), started("b"), expect.any(String), finished("b")]);
      expect(JSON.parse(stored[2] ?? "")).toMatchObject({ type: "RUN_ERROR", runId: "a" });
      await events.end(UNFINISHED);
      expect(await lines()).toHaveLength(4);
      expect(session.state.status).toBe("idle");
      expect(await marks()).toEqual([]);
    }
  });

  it("that the store refuses are not visible, and no run is orphaned by them", async () => {
    const { events, lines, marks, say, sessions, state } = await setUp();
    state.isBroken = true;
    expect(await codeOf(say(started("own")))).toBe("store-full");
    state.isBroken = false;
    await events.end(UNFINISHED);
    expect(await lines()).toEqual([]);
    expect(await marks()).toEqual([]);
    expect(sessions.used).toBe(0);
  });
});
