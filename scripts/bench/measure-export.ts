import { comparePipe } from "./compare-pipe.ts";
import { type Reading, timeGet } from "./reading.ts";
import { ratioAtMost, type Row } from "./row.ts";

const LIMIT_RATIO = 4;

/** A complete export of each log's raw view, not compressed, against the bare pipe. */
export async function measureExport(reading: Reading): Promise<Row[]> {
  const rows: Row[] = [];
  for (const session of reading.data.sessions) {
    const path = `${session.path}/export?view=raw`;
    const times = await comparePipe(reading, session, () =>
      timeGet({ port: reading.server.port, path }),
    );
    const size = `${session.log.megabytes} MB`;
    rows.push(ratioAtMost(LIMIT_RATIO, { measurement: "export", size, ...times }));
  }
  return rows;
}
