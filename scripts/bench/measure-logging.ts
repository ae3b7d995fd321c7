import { Agent, request } from "undici";
import { type Row, ratioAtMost } from "./row.ts";
import { type ServerProcess, startServer } from "./server-process.ts";

const REQUESTS = 4_000;
const AT_ONCE = 16;
const ROUNDS = 7;
/** Answered from memory: of no other request would a line be a larger part. */
const PATH = "/api/projects/demo/agents";
/** What a line for each of the shortest requests may cost of the server's processor. */
const MAX_RATIO = 1.35;

/** Processor time of short requests at a server that logs each, and at one beside it that logs none; by turns, the least of each. */
export async function measureLogging(): Promise<Row[]> {
  const start = (level: string): Promise<ServerProcess> =>
    startServer({ dataDir: "", env: { STORAGE_URL: "memory:", RUNLOG_LOG_LEVEL: level } });
  const [logging, silent] = [await start("info"), await start("warn")];
  try {
    const least = { logging: Infinity, silent: Infinity };
    for (let round = 0; round < ROUNDS; round += 1) {
      least.logging = Math.min(least.logging, await processorMicros(logging));
      least.silent = Math.min(least.silent, await processorMicros(silent));
    }
    const measurement = "processor time of a short request";
    const ratio = least.logging / least.silent;
    const logged = { measurement, size: "a line each", value: least.logging, unit: "µs", ratio };
    return [
      { measurement, size: "no line each", value: least.silent, unit: "µs" },
      ratioAtMost(MAX_RATIO, logged),
    ];
  } finally {
    await Promise.all([logging.stop(), silent.stop()]);
  }
}

async function processorMicros(server: ServerProcess): Promise<number> {
  const dispatcher = new Agent({ connections: AT_ONCE });
  const url = `http://127.0.0.1:${server.port}${PATH}`;
  const beforeMs = await server.processorMs();
  let left = REQUESTS;
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      for (; left > 0; left -= 1) {
        const { statusCode, body } = await request(url, { dispatcher });
        await body.dump();
        if (statusCode !== 200) throw new Error(`HTTP ${statusCode}`);
      }
    }),
  );
  await dispatcher.close();
  return (((await server.processorMs()) - beforeMs) / REQUESTS) * 1_000;
}
