import { createReadStream } from "node:fs";
import { crc32 } from "node:zlib";
import { createStreamChecker } from "../soak/stream-checker.ts";
import type { LogSession } from "./data-dir.ts";
import { comparePipe } from "./compare-pipe.ts";
import { type Reading, timeGet } from "./reading.ts";
import { ratioAtMost, type Row } from "./row.ts";
import { createEndFinder } from "./sse-client.ts";

const LIMIT_RATIO = 3;
/** Replay is linear if a megabyte of a large log costs at most so much more than of a smaller one. */
const LINEAR_FACTOR = 2;
/** Smaller logs are over too soon to say anything about a megabyte. */
const LINEAR_FROM_MEGABYTES = 50;

/** A complete replay of each log against the bare pipe; before that, once, a check of its events. */
export async function measureReplay(reading: Reading): Promise<Row[]> {
  const rows: Row[] = [];
  const costs: { megabytes: number; msPerMegabyte: number }[] = [];
  for (const session of reading.data.sessions) {
    const { log } = session;
    rows.push(await checkedRow(reading, session));
    const times = await comparePipe(reading, session, () => timeGet(replay(reading, session)));
    const size = `${log.megabytes} MB`;
    rows.push(ratioAtMost(LIMIT_RATIO, { measurement: "replay", size, ...times }));
    costs.push({ megabytes: log.megabytes, msPerMegabyte: times.value / log.megabytes });
  }
  return [...rows, ...linearRow(costs)];
}

/** Whether each event comes whole, once and in order: the hash of all is that of the file. */
async function checkedRow(reading: Reading, session: LogSession): Promise<Row> {
  const checker = createStreamChecker();
  await timeGet(replay(reading, session, (bytes) => checker.push(bytes)));
  const isWhole = checker.seen?.crc === (await hashOf(session.rawPath));
  const [violation = isWhole ? "" : "what was sent is not what is stored"] = checker.violations;
  return {
    measurement: "replay, events",
    size: `${session.log.megabytes} MB`,
    value: checker.events,
    unit: "events",
    limit: `= ${session.log.events.toLocaleString("en")} events`,
    ok: checker.events === session.log.events && violation === "",
    ...(violation !== "" && { note: violation }),
  };
}

async function hashOf(path: string): Promise<number> {
  let crc = 0;
  for await (const chunk of createReadStream(path)) crc = crc32(chunk as Buffer, crc);
  return crc;
}

function replay(reading: Reading, session: LogSession, onBody?: (bytes: Buffer) => void) {
  const isEnd = createEndFinder(`id: ${session.endCursor}\n\n`);
  return {
    port: reading.server.port,
    // the condensed view is shorter than the file, the pipe sends all of it
    path: `${session.path}/agui/events?view=raw`,
    enough(bytes: Buffer): boolean {
      onBody?.(bytes);
      return isEnd(bytes);
    },
  };
}

function linearRow(
  costs: readonly { readonly megabytes: number; readonly msPerMegabyte: number }[],
): Row[] {
  const large = costs.filter(({ megabytes }) => megabytes >= LINEAR_FROM_MEGABYTES);
  const [smaller] = large;
  const larger = large.at(-1);
  if (smaller === undefined || larger === undefined || smaller === larger) return [];
  return [
    ratioAtMost(LINEAR_FACTOR, {
      measurement: "replay, time per MB",
      size: `${smaller.megabytes} -> ${larger.megabytes} MB`,
      value: larger.msPerMegabyte,
      unit: "ms",
      ratio: larger.msPerMegabyte / smaller.msPerMegabyte,
    }),
  ];
}
