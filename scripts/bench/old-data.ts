import { once } from "node:events";
import { createReadStream, createWriteStream } from "node:fs";
import { mkdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { GeneratedLog } from "./generate-log.ts";

/** Old data of a session that nobody has imported yet. */
export interface LegacyData {
  readonly session: string;
  readonly bytes: number;
}

const TIMESTAMP = /"timestamp":(\d{13})/;

/** Puts `log` where an older system would have left it, its times as that wrote them: as text. */
export async function leaveLegacyLog(dir: string, log: GeneratedLog): Promise<LegacyData> {
  const session = `old-${log.megabytes}mb`;
  const lines = createInterface({ input: createReadStream(log.path), crlfDelay: Infinity });
  const old = withLegacyTimes(lines);
  return { session, bytes: await writeLegacyFile(dir, session, "agui-events.jsonl", old) };
}

/** Puts messages of the still older format there, about `megabytes` of them. */
export async function leaveLegacyMessages(dir: string, megabytes: number): Promise<LegacyData> {
  const session = `messages-${megabytes}mb`;
  const text = "a message as users write them, of some length. ".repeat(20);
  const line = JSON.stringify({ type: "user_message", payload: { content: text } });
  const lines = repeated(line, Math.ceil((megabytes * 1_000_000) / line.length));
  return { session, bytes: await writeLegacyFile(dir, session, "messages.jsonl", lines) };
}

async function* withLegacyTimes(lines: AsyncIterable<string>): AsyncGenerator<string> {
  for await (const line of lines)
    yield line.replace(
      TIMESTAMP,
      (_all, ms: string) => `"timestamp":"${new Date(Number(ms)).toISOString()}"`,
    );
}

async function* repeated(line: string, times: number): AsyncGenerator<string> {
  for (let i = 0; i < times; i += 1) yield line;
}

async function writeLegacyFile(
  dir: string,
  session: string,
  name: string,
  lines: AsyncIterable<string>,
): Promise<number> {
  const old = join(dir, "sessions", session);
  await mkdir(old, { recursive: true });
  const path = join(old, name);
  const file = createWriteStream(path, { highWaterMark: 1024 * 1024 });
  for await (const line of lines) if (!file.write(`${line}\n`)) await once(file, "drain");
  file.end();
  await once(file, "close");
  return (await stat(path)).size;
}
