import { type DataDir, PROJECT, sessionPath } from "./data-dir.ts";
import { leaveLegacyLog, leaveLegacyMessages, type LegacyData } from "./old-data.ts";
import { timeGet } from "./reading.ts";
import { atMost, median, ratioAtMost, type Row } from "./row.ts";
import { type ServerProcess, startServer } from "./server-process.ts";
import { createEndFinder } from "./sse-client.ts";

const ROUNDS = 3;
const LIMIT_RATIO = 2;
const LIMIT_MEBIBYTES = 200;
const MEBIBYTE = 1024 * 1024;
const MESSAGES_MEGABYTES = 200;

/**
 * Adopts the largest log as an older system would have left it, with a time to rewrite in each of its
 * lines, and messages of the format before; then replays it side by side with the same log of our own.
 */
export async function measureAdoption(data: DataDir): Promise<Row[]> {
  const own = data.sessions.at(-1);
  if (own === undefined) throw new TypeError("there is no log to adopt");
  const size = `${own.log.megabytes} MB`;
  const old = await leaveLegacyLog(data.dir, own.log);
  const messages = await leaveLegacyMessages(data.dir, MESSAGES_MEGABYTES);
  const server = await startServer({ dataDir: data.dir, env: { RUNLOG_LEGACY_PROJECT: PROJECT } });
  try {
    const migrated = await timeMigration(server, messages);
    const imported = await timeReplay(server, old.session, old.bytes);
    const { peakBytes } = await server.memory();
    const ours: number[] = [];
    const theirs: number[] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      ours.push(await timeReplay(server, own.session, own.log.bytes));
      theirs.push(await timeReplay(server, old.session, old.bytes));
    }
    const value = median(theirs);
    const ratio = value / median(ours);
    const peak = peakBytes / MEBIBYTE;
    return [
      {
        measurement: "old messages, migration and export",
        size: `${MESSAGES_MEGABYTES} MB`,
        value: migrated,
        unit: "ms",
      },
      { measurement: "old log, adoption and replay", size, value: imported, unit: "ms" },
      atMost(LIMIT_MEBIBYTES, { measurement: "memory, adopting", size, value: peak, unit: "MiB" }),
      { measurement: "old log, one of our own replayed", size, value: median(ours), unit: "ms" },
      ratioAtMost(LIMIT_RATIO, {
        measurement: "old log : own log, replayed",
        size,
        value,
        unit: "ms",
        ratio,
      }),
    ];
  } finally {
    await server.stop();
  }
}

function timeReplay(server: ServerProcess, session: string, bytes: number): Promise<number> {
  return timeGet({
    port: server.port,
    path: `${sessionPath(session)}/agui/events?view=raw`,
    // the log id is not known before; nothing is after the last event
    enough: createEndFinder(`-r${bytes}\n\n`),
  });
}

function timeMigration({ port }: ServerProcess, { session }: LegacyData): Promise<number> {
  return timeGet({ port, path: `${sessionPath(session)}/export` });
}
