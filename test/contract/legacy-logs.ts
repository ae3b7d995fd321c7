import { describe, expect, it } from "vitest";
import type { LegacyLogs } from "../../src/ports/legacy-logs.ts";
import type { LogStore } from "../../src/ports/log-store.ts";
import { drain, textOf, utf8 } from "./bytes.ts";
import { codeOf, reasonOf } from "./outcome.ts";
import { withHarness } from "./with-harness.ts";

/** What an older system left of a session: the content of its files, by name. */
export type LegacyFiles = Readonly<Record<string, string>>;

export interface LegacyLogsHarness {
  readonly store: LogStore;
  readonly logs: LegacyLogs;
  /** Leaves files of a session as the older system did. */
  readonly leave: (session: string, files: LegacyFiles) => Promise<void>;
  dispose(): Promise<void>;
}

export interface LegacyLogsContractOptions {
  /** Makes a fresh, empty store: called once for each test. */
  readonly create: () => Promise<LegacyLogsHarness>;
}

type Fresh = (body: (harness: LegacyLogsHarness) => Promise<void>) => () => Promise<void>;

const KEY = { project: "p", session: "s" };
const OTHER = { project: "other", session: "s" };
const EDITS = utf8("an edit\n");
const EVENTS = '{"type":"A"}\n\nnot json\n{"type":"B"}\n';
const MESSAGES = '{"type":"user_message"}\n{"type":"agent.message"}\n';

/** Defines the tests that every LegacyLogs passes. */
export function legacyLogsContract(name: string, { create }: LegacyLogsContractOptions): void {
  const fresh: Fresh = (body) => () => withHarness(create, body);
  describe(`LegacyLogs contract: ${name}`, () => {
    describeTakeOver(fresh);
    describeMigration(fresh);
    describePutMessages(fresh);
  });
}

function describeTakeOver(fresh: Fresh): void {
  it(
    "makes the old events, to the byte, the beginning of the raw log, and the edits its edits",
    fresh(async ({ store, logs, leave }) => {
      await leave("s", { "agui-events.jsonl": EVENTS, "agui-events-1.tmp": "{" });
      expect(await logs.has("s")).toBe(true);
      expect(await logs.takeOver(KEY, EDITS)).toBe(true);
      expect(await contentOf(store)).toEqual({ raw: EVENTS, edits: "an edit\n" });
      expect(await logs.has("s")).toBe(false);
      const stat = await store.stat(KEY);
      expect(stat).toMatchObject({ head: null, document: null });
      const { logId = "", end } = stat ?? {};
      const options = { logId, expectedEnd: end?.raw ?? 0 };
      await store.append(KEY, utf8("{}\n"), options);
      expect(await contentOf(store)).toMatchObject({ raw: `${EVENTS}{}\n` });
      expect(await logs.messages(KEY, logId)).toBeNull();
    }),
  );

  it.each([
    ["torn line", '{"type":"A"}\n{"type', '{"type":"A"}\n{"type\n'],
    ["single line without an end", "{}", "{}\n"],
    ["empty file", "", ""],
  ])("gives a %s its end and changes nothing else", (_what, old, raw) =>
    fresh(async ({ store, logs, leave }) => {
      await leave("s", { "agui-events.jsonl": old });
      await logs.takeOver(KEY, EDITS);
      expect(await contentOf(store)).toMatchObject({ raw });
    })(),
  );

  it(
    "takes a legacy log over once, whoever asks at once",
    fresh(async ({ store, logs, leave }) => {
      await leave("s", { "agui-events.jsonl": EVENTS });
      const takers = Array.from({ length: 8 }, (_, i) => (i % 2 === 0 ? KEY : OTHER));
      const taken = await Promise.all(takers.map((key) => logs.takeOver(key, EDITS)));
      expect(taken.filter(Boolean)).toHaveLength(1);
      const stats = await Promise.all([store.stat(KEY), store.stat(OTHER)]);
      expect(stats.filter((stat) => stat !== null)).toHaveLength(1);
    }),
  );

  it(
    "is seen by all who ask once it was taken over, whoever asked before",
    fresh(async ({ store, logs, leave }) => {
      for (let i = 0; i < 20; i++) {
        await leave("s", { "agui-events.jsonl": EVENTS });
        const before = Array.from({ length: 1 + (i % 4) }, () => store.stat(KEY));
        const [isTaken] = await Promise.all([
          logs.takeOver(KEY, EDITS),
          Promise.resolve().then(() => store.stat(KEY)),
        ]);
        expect(isTaken).toBe(true);
        expect(await store.stat(KEY)).toMatchObject({ end: { raw: EVENTS.length } });
        await Promise.all(before);
        await store.delete(KEY);
      }
    }),
  );

  it(
    "takes nothing over for a session that has a log, nor what is not there",
    fresh(async ({ store, logs, leave }) => {
      expect(await logs.has("s")).toBe(false);
      expect(await logs.takeOver(KEY, EDITS)).toBe(false);
      expect(await store.stat(KEY)).toBeNull();
      await store.create(KEY);
      await leave("s", { "agui-events.jsonl": EVENTS });
      expect(await logs.takeOver(KEY, EDITS)).toBe(false);
      expect(await logs.has("s")).toBe(true);
      expect(await contentOf(store)).toEqual({ raw: "", edits: "" });
    }),
  );

  it(
    "lets what was taken over go with its log",
    fresh(async ({ store, logs, leave }) => {
      await leave("s", { "agui-events.jsonl": EVENTS });
      await logs.takeOver(KEY, EDITS);
      expect(await store.delete(KEY)).toBe(true);
      expect(await logs.has("s")).toBe(false);
      expect((await store.create(KEY)).end).toEqual({
        raw: 0,
        compact: 0,
        edits: 0,
        runs: 0,
        keyframes: 0,
        times: 0,
      });
    }),
  );
}

function describeMigration(fresh: Fresh): void {
  it(
    "makes what messages are converted to the raw log, once, and keeps the messages",
    fresh(async ({ store, logs, leave }) => {
      await leave("s", { "messages.jsonl": MESSAGES });
      expect(await logs.has("s")).toBe(true);
      const logId = await takenOver({ store, logs });
      const seen: string[] = [];
      const convert = async function* (messages: ReadableStream<Uint8Array<ArrayBuffer>>) {
        seen.push(textOf(await drain(messages)));
        yield utf8('{"a":');
        yield utf8("1}\n");
      };
      await Promise.all(Array.from({ length: 8 }, () => logs.migrate(KEY, logId, convert)));
      await logs.migrate(KEY, logId, convert);
      expect(seen).toEqual([MESSAGES]);
      expect(await contentOf(store)).toMatchObject({ raw: '{"a":1}\n' });
      expect(await messagesOf(logs, logId)).toBe(MESSAGES);
    }),
  );

  it(
    "migrates messages of which nothing is made, once",
    fresh(async ({ store, logs, leave }) => {
      await leave("s", { "messages.jsonl": MESSAGES });
      const logId = await takenOver({ store, logs });
      let calls = 0;
      // oxlint-disable-next-line require-yield -- nothing is made of them
      const convert = async function* (messages: ReadableStream<Uint8Array<ArrayBuffer>>) {
        calls++;
        await messages.cancel();
      };
      await logs.migrate(KEY, logId, convert);
      await logs.migrate(KEY, logId, convert);
      expect(calls).toBe(1);
      expect(await contentOf(store)).toMatchObject({ raw: "" });
      expect(await messagesOf(logs, logId)).toBe(MESSAGES);
    }),
  );

  it(
    "leaves messages alone that lie beside events or are migrated",
    fresh(async ({ store, logs, leave }) => {
      const convert = () => {
        throw new Error("There is nothing to convert");
      };
      await leave("s", { "messages.jsonl": "{}\n", "agui-events.jsonl": EVENTS });
      const logId = await takenOver({ store, logs });
      await logs.migrate(KEY, logId, convert);
      expect(await contentOf(store)).toMatchObject({ raw: EVENTS });
      expect(await messagesOf(logs, logId)).toBe("{}\n");
      await store.delete(KEY);

      await leave("s", { "messages.jsonl.migrated": MESSAGES });
      expect(await logs.has("s")).toBe(true);
      const second = await takenOver({ store, logs });
      await logs.migrate(KEY, second, convert);
      expect(await contentOf(store)).toMatchObject({ raw: "" });
      expect(await messagesOf(logs, second)).toBe(MESSAGES);
    }),
  );

  it(
    "has done nothing when the conversion fails, and does it all the next time",
    fresh(async ({ store, logs, leave }) => {
      await leave("s", { "messages.jsonl": MESSAGES });
      const logId = await takenOver({ store, logs });
      const failing = async function* (messages: ReadableStream<Uint8Array<ArrayBuffer>>) {
        yield utf8('{"half":');
        await messages.cancel();
        throw new Error("No more");
      };
      await reasonOf(logs.migrate(KEY, logId, failing));
      expect(await contentOf(store)).toMatchObject({ raw: "" });
      expect(await messagesOf(logs, logId)).toBe(MESSAGES);
      await logs.migrate(KEY, logId, async function* (messages) {
        await messages.cancel();
        yield utf8("{}\n");
      });
      expect(await contentOf(store)).toMatchObject({ raw: "{}\n" });
    }),
  );
}

function describePutMessages(fresh: Fresh): void {
  it(
    "puts messages to a log, where they replace others and are not migrated again",
    fresh(async ({ store, logs }) => {
      const { logId } = await store.create(KEY);
      expect(await messagesOf(logs, logId)).toBe("(none)");
      for (const content of [EVENTS, "", MESSAGES]) {
        await logs.putMessages(KEY, logId, piecesOf(content));
        expect(await messagesOf(logs, logId)).toBe(content);
      }
      await logs.migrate(KEY, logId, () => {
        throw new Error("There is nothing to convert");
      });
      expect(await contentOf(store)).toEqual({ raw: "", edits: "" });
    }),
  );

  it(
    "puts no messages when there is no such log, nor half of them when they break off",
    fresh(async ({ store, logs }) => {
      const { logId } = await store.create(KEY);
      const breaking = async function* () {
        yield* piecesOf(MESSAGES);
        throw new Error("No more");
      };
      await reasonOf(logs.putMessages(KEY, logId, breaking()));
      expect(await messagesOf(logs, logId)).toBe("(none)");
      expect(await codeOf(logs.putMessages(OTHER, logId, piecesOf(MESSAGES)))).toBe(
        "log-not-found",
      );
      await store.delete(KEY);
      expect(await codeOf(logs.putMessages(KEY, logId, piecesOf(MESSAGES)))).toBe("log-not-found");
    }),
  );
}

async function* piecesOf(content: string): AsyncGenerator<Uint8Array> {
  const bytes = utf8(content);
  for (let at = 0; at < bytes.length; at += 7) yield bytes.subarray(at, at + 7);
}

async function takenOver({ store, logs }: Pick<LegacyLogsHarness, "store" | "logs">) {
  expect(await codeOf(logs.takeOver(KEY, EDITS))).toBe("resolved");
  return (await store.stat(KEY))?.logId ?? "";
}

async function contentOf(store: LogStore): Promise<{ raw: string; edits: string }> {
  const { logId = "" } = (await store.stat(KEY)) ?? {};
  const [raw = "", edits = ""] = await Promise.all(
    (["raw", "edits"] as const).map(async (log) =>
      textOf(await drain(store.read(KEY, { logId, log }))),
    ),
  );
  return { raw, edits };
}

async function messagesOf(logs: LegacyLogs, logId: string): Promise<string> {
  const messages = await logs.messages(KEY, logId);
  return messages === null ? "(none)" : textOf(await drain(messages));
}
