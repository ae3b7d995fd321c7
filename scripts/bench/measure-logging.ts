import { Agent, request } from "undici";
import { type Row, atMost } from "./row.ts";
import { type ServerProcess, startServer } from "./server-process.ts";

const REQUESTS = 4_000;
const AT_ONCE = 16;
const ROUNDS = 7;
/** Answered from memory: of no other request would a line be a larger part. */
const PATH = "/api/projects/demo/agents";
/** What a line for each of the shortest requests may cost: their rate without, divided by that with it. */
const MAX_RATIO = 1.25;

/** Short requests a second of a server that logs each, and of one beside it that logs none; by turns, the best of each. */
export async function measureLogging(): Promise<Row[]> {
  const start = (level: string): Promise<ServerProcess> =>
    startServer({
      dataDir: "",
      env: { STORAGE_URL: "memory:", RUNLOG_LOG_LEVEL: level },
    });
  const [logging, silent] = [await start("info"), await start("warn")];
  try {
    const best = { logging: 0, silent: 0 };
    for (let round = 0; round < ROUNDS; round += 1) {
      best.logging = Math.max(best.logging, await requestsPerSecond(logging));
      best.silent = Math.max(best.silent, await requestsPerSecond(silent));
    }
    const measurement = "short requests";
    return [
      { measurement, size: "no line each", value: best.silent, unit: "/s" },
      atMost(MAX_RATIO, {
        measurement: `${measurement}, without a line each by with`,
        size: "",
        value: best.silent / best.logging,
        unit: "x",
      }),
      { measurement, size: "a line each", value: best.logging, unit: "/s" },
    ];
  } finally {
    await Promise.all([logging.stop(), silent.stop()]);
  }
}

async function requestsPerSecond({ port }: ServerProcess): Promise<number> {
  const dispatcher = new Agent({ connections: AT_ONCE });
  let left = REQUESTS;
  const beganAtMs = performance.now();
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      for (; left > 0; left -= 1) {
        const { statusCode, body } = await request(`http://127.0.0.1:${port}${PATH}`, {
          dispatcher,
        });
        await body.dump();
        if (statusCode !== 200) throw new Error(`HTTP ${statusCode}`);
      }
    }),
  );
  const seconds = (performance.now() - beganAtMs) / 1_000;
  await dispatcher.close();
  return REQUESTS / seconds;
}
