import type { LegacyLogs } from "../../src/ports/legacy-logs.ts";
import type { LogStore } from "../../src/ports/log-store.ts";
import { drain, utf8 } from "../contract/bytes.ts";

/** What an older system left of a session: the content of its files, by name. */
export type OldFiles = Readonly<Record<string, string | Uint8Array>>;

/** A LegacyLogs in memory, for any store; its old logs are those that `old` holds, by session. */
export function createMemoryLegacyLogs(store: LogStore, old: Map<string, OldFiles>): LegacyLogs {
  /** Files that came with a log, by its id. */
  const adopted = new Map<string, OldFiles>();

  return {
    has: async (session) => old.has(session),

    async takeOver(key, edits) {
      const files = old.get(key.session);
      if (!files || (await store.stat(key))) return false;
      old.delete(key.session);
      const { logId } = await store.create(key);
      adopted.set(logId, files);
      const events = bytesOf(files["agui-events.jsonl"] ?? "");
      const whole = events.length === 0 || events.at(-1) === 10;
      const lines = whole ? [events] : [events, utf8("\n")];
      await store.append(key, edits, { logId, log: "edits", expectedEnd: 0 });
      await store.append(key, lines, { logId, expectedEnd: 0 });
      return true;
    },

    async migrate(key, logId, convert) {
      const files = adopted.get(logId) ?? {};
      const { "messages.jsonl": messages, ...rest } = files;
      if (messages === undefined || "agui-events.jsonl" in files) return;
      const pieces: Uint8Array[] = [];
      for await (const piece of convert(streamOf(messages))) pieces.push(piece);
      await store.append(key, pieces, { logId, expectedEnd: 0 });
      adopted.set(logId, { ...rest, "messages.jsonl.migrated": messages });
    },

    async messages(_key, logId) {
      const files = adopted.get(logId);
      const messages = files?.["messages.jsonl.migrated"] ?? files?.["messages.jsonl"];
      return messages === undefined ? null : streamOf(messages);
    },
  };
}

function bytesOf(content: string | Uint8Array): Uint8Array {
  return typeof content === "string" ? utf8(content) : content;
}

function streamOf(content: string | Uint8Array): ReadableStream<Uint8Array<ArrayBuffer>> {
  return new ReadableStream({
    start(controller) {
      controller.enqueue(new Uint8Array(bytesOf(content)));
      controller.close();
    },
  });
}
