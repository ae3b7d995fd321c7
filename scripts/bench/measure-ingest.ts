import { startScript } from "./child-script.ts";
import { createDataDir, sessionPath } from "./data-dir.ts";
import { type IngestedRun, ingestRun } from "./ingest-run.ts";
import { readAgain } from "./read-again.ts";
import { median, type Row } from "./row.ts";
import { type ServerProcess, startServer } from "./server-process.ts";

const EVENTS = 1_000_000;
const LIMIT_PER_SECOND = 100_000;
/** Each so often, one after the other. */
const ROUNDS = 5;
const ROUND_EVENTS = 300_000;
/** How much slower the ingest may be whose events come with notes. */
const LIMIT_SLOWER = 1.1;
const START_TIMEOUT_MS = 10_000;

/** One run of a million events, sent as fast as they are taken, seen by one viewer. */
export function measureIngest(): Promise<Row[]> {
  return withServer({ events: EVENTS }, async (server) => {
    const beforeMs = await server.processorMs();
    const { perSecond, inOrder } = await ingestRun(server.port, "ingest", EVENTS);
    const processorMs = (await server.processorMs()) - beforeMs;
    const inOrderAgain = await readAgain(server.port, sessionPath("ingest"));
    const size = `${EVENTS.toLocaleString("en")} events`;
    return [
      {
        measurement: "ingest",
        size,
        value: perSecond,
        unit: "events/s",
        limit: `>= ${LIMIT_PER_SECOND.toLocaleString("en")} events/s`,
        ok: perSecond >= LIMIT_PER_SECOND,
      },
      {
        measurement: "ingest, processor time",
        size,
        value: processorMs / 1_000,
        unit: "s",
      },
      {
        measurement: "ingest, seen in order",
        size,
        value: inOrder,
        unit: "events",
        limit: `= ${size}`,
        ok: inOrder === EVENTS,
      },
      {
        measurement: "ingest, in order when read again",
        size,
        value: inOrderAgain,
        unit: "events",
        limit: `= ${size}`,
        ok: inOrderAgain === EVENTS,
      },
    ];
  });
}

/**
 * The same frames, with an id each, from a runner that cannot be asked for the rest of a run and from one that
 * can: what the second sends is stored with a note for each batch.
 */
export function measureNotes(): Promise<Row[]> {
  return withServer({ events: ROUND_EVENTS, hasIds: true }, async ({ port }) => {
    const runs: Record<"plain" | "resumable", IngestedRun[]> = { plain: [], resumable: [] };
    let isWhole = true;
    for (let round = 0; round < ROUNDS; round++)
      for (const kind of ["plain", "resumable"] as const) {
        const session = `${kind}-${round}`;
        const run = await ingestRun(port, session, ROUND_EVENTS);
        runs[kind].push(run);
        const again = await readAgain(port, sessionPath(session));
        isWhole &&= run.inOrder === ROUND_EVENTS && again === ROUND_EVENTS;
      }
    const middle = (of: readonly IngestedRun[]): number =>
      median(of.map(({ perSecond }) => perSecond));
    const [plain, resumable] = [middle(runs.plain), middle(runs.resumable)];
    const slower = plain / resumable;
    const size = `${ROUNDS} x ${ROUND_EVENTS.toLocaleString("en")} events`;
    return [
      { measurement: "ingest, without notes", size, value: plain, unit: "events/s" },
      {
        measurement: "ingest, with notes",
        size,
        value: resumable,
        unit: "events/s",
        ratio: slower,
        limit: `<= ${LIMIT_SLOWER}x slower`,
        ok: slower <= LIMIT_SLOWER && isWhole,
        ...(!isWhole && { note: "not every event was seen whole, once and in order" }),
      },
    ];
  });
}

async function withServer<T>(
  load: { readonly events: number; readonly hasIds?: boolean },
  measure: (server: ServerProcess) => Promise<T>,
): Promise<T> {
  const data = await createDataDir();
  const runner = startScript<{ port: number }>(
    new URL("./fake-runner-process.ts", import.meta.url),
    load,
  );
  try {
    const { port: runnerPort } = await runner.next(START_TIMEOUT_MS);
    const server = await startServer({ dataDir: data.dir, runnerPort });
    try {
      return await measure(server);
    } finally {
      await server.stop();
    }
  } finally {
    await runner.stop();
    await data.remove();
  }
}
