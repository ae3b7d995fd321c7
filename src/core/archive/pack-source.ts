import type { LegacyLogs } from "../../ports/legacy-logs.ts";
import type { LogName, LogReader, LogStat, SessionKey } from "../../ports/log-store.ts";
import type { ByteRange } from "../model/byte-range.ts";
import { recordOfLogs } from "./manifest.ts";

/** Reads the bytes of a session; without `messages` for one that has none in an older format. */
export interface ArchiveSource
  extends Pick<LogReader, "read">, Partial<Pick<LegacyLogs, "messages">> {}

/** Bytes to be packed. */
export interface PackSource {
  /** How many there are to pack; there may be more by now. */
  readonly end: number;
  read(range: ByteRange & { readonly signal: AbortSignal }): AsyncIterable<Uint8Array>;
}

/** All that is to be packed of a session. */
export type PackSources = Readonly<Record<LogName, PackSource> & { messages: PackSource | null }>;

/** The packs of the session in the state of `stat`. Reads messages once, to know their size. */
export async function packSources(
  source: ArchiveSource,
  key: SessionKey,
  { logId, end }: Pick<LogStat, "logId" | "end">,
): Promise<PackSources> {
  const logs = recordOfLogs((log): PackSource => {
    const read = (range: ByteRange & { readonly signal: AbortSignal }) =>
      source.read(key, { ...range, logId, log });
    return { end: end[log], read };
  });
  return { ...logs, messages: await messagesSource(() => source.messages?.(key, logId)) };
}

/** Messages can be read from their beginning only: bytes before a range are skipped. */
async function messagesSource(
  open: () => ReturnType<LegacyLogs["messages"]> | undefined,
): Promise<PackSource | null> {
  const messages = await open();
  if (!messages) return null;
  let size = 0;
  for await (const { length } of messages) size += length;
  return {
    end: size,
    async *read({ start, end, signal }) {
      const again = await open();
      let at = 0;
      if (!again) return;
      for await (const chunk of again) {
        signal.throwIfAborted();
        const wanted = chunk.subarray(Math.max(start - at, 0), Math.max(end - at, 0));
        if (wanted.length > 0) yield wanted;
        at += chunk.length;
        if (at >= end) return;
      }
    },
  };
}
