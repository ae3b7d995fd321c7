import { createWriteStream } from "node:fs";
import { stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { inTurn } from "../in-turn.ts";
import { logIdOf } from "../workloads/exports.ts";

/** A log as the servers have it in the end. */
export interface StoredLog {
  readonly name: string;
  /** Empty if there was no run. */
  readonly logId: string;
  readonly file: string;
  readonly bytes: number;
}

const NOT_FOUND = 404;
const AT_ONCE = 8;
/** On a machine that has much to do. */
const LOG_ID_MS = 120_000;

/** Brings each session's raw log into a file of `dir`, each from the next server. */
export async function fetchLogs(
  ports: readonly number[],
  sessions: readonly { readonly name: string; readonly path: string }[],
  dir: string,
): Promise<StoredLog[]> {
  const logs: StoredLog[] = [];
  await inTurn(sessions, AT_ONCE, async ({ name, path }, index) => {
    const port = ports[index % ports.length] ?? 0;
    logs.push(await fetchLog(port, { name, path }, join(dir, `${name}.jsonl`)));
  });
  return logs;
}

async function fetchLog(
  port: number,
  { name, path }: { readonly name: string; readonly path: string },
  file: string,
): Promise<StoredLog> {
  const response = await fetch(`http://127.0.0.1:${port}${path}/export?view=raw`, {
    headers: { Accept: "application/x-ndjson" },
  });
  if (response.status === NOT_FOUND) {
    await response.text();
    await writeFile(file, "");
    return { name, logId: "", file, bytes: 0 };
  }
  if (response.status !== 200 || response.body === null)
    throw new Error(`the export of ${name} answered ${response.status}`);
  await pipeline(response.body, createWriteStream(file));
  const bytes = (await stat(file)).size;
  const logId = bytes === 0 ? "" : ((await logIdOf({ port }, path, LOG_ID_MS)) ?? "");
  return { name, logId, file, bytes };
}
