import { RunlogError } from "../../src/ports/errors.ts";
import type { LegacyLogs } from "../../src/ports/legacy-logs.ts";
import type { LogStore } from "../../src/ports/log-store.ts";
import { createKeyedMutex } from "../../src/stream/sync/keyed-mutex.ts";
import { concat, textOf, utf8 } from "../contract/bytes.ts";
import type { LegacyFiles } from "../contract/legacy-logs.ts";

/**
 * A LegacyLogs in memory, for any store; its legacy logs are those that `old` holds, by session. Whoever
 * asks the store itself while it takes a log over may see the half of it.
 */
export function createMemoryLegacyLogs(store: LogStore, old: Map<string, LegacyFiles>): LegacyLogs {
  /** Files that came with a log, by its id. */
  const imported = new Map<string, LegacyFiles>();
  const inTurn = createKeyedMutex();

  return {
    has: async (session) => old.has(session),

    takeOver: (key, edits) =>
      inTurn.run(key.session, async () => {
        const files = old.get(key.session);
        if (!files || (await store.stat(key))) return false;
        old.delete(key.session);
        const { logId } = await store.create(key);
        imported.set(logId, files);
        const events = utf8(files["agui-events.jsonl"] ?? "");
        const whole = events.length === 0 || events.at(-1) === 10;
        const lines = whole ? [events] : [events, utf8("\n")];
        await store.append(key, edits, { logId, log: "edits", expectedEnd: 0 });
        await store.append(key, lines, { logId, expectedEnd: 0 });
        return true;
      }),

    migrate: (key, logId, convert) =>
      inTurn.run(key.session, async () => {
        const files = imported.get(logId) ?? {};
        const { "messages.jsonl": messages, ...rest } = files;
        if (messages === undefined || "agui-events.jsonl" in files) return;
        const pieces: Uint8Array[] = [];
        for await (const piece of convert(streamOf(messages))) pieces.push(piece);
        await store.append(key, pieces, { logId, expectedEnd: 0 });
        imported.set(logId, { ...rest, "messages.jsonl.migrated": messages });
      }),

    async messages(_key, logId) {
      const files = imported.get(logId);
      const messages = files?.["messages.jsonl.migrated"] ?? files?.["messages.jsonl"];
      return messages === undefined ? null : streamOf(messages);
    },

    async putMessages(key, logId, messages) {
      const pieces: Uint8Array[] = [];
      for await (const piece of messages) pieces.push(piece);
      if ((await store.stat(key))?.logId !== logId)
        throw new RunlogError("log-not-found", "There is no such log");
      imported.set(logId, { "messages.jsonl.migrated": textOf(concat(pieces)) });
    },
  };
}

function streamOf(content: string): ReadableStream<Uint8Array<ArrayBuffer>> {
  return new ReadableStream({
    start(controller) {
      controller.enqueue(utf8(content));
      controller.close();
    },
  });
}
