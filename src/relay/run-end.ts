import type { SpoolLog } from "../ports/relay-spool.ts";
import { JsonObjectScanner } from "../stream/json/json-scan.ts";
import { SseParser } from "../stream/sse/sse-parse.ts";

const READ_BYTES = 64 * 1024;

/**
 * Whether what a log holds of a run is the whole of it: RUN_FINISHED has come, or RUN_ERROR was the last
 * event. Reads the log once, piece by piece.
 */
export async function hasRunEnded(log: SpoolLog): Promise<boolean> {
  const scanner = new JsonObjectScanner(["type"]);
  let isFinished = false;
  let lastType: string | null = null;
  const parser = new SseParser({
    data: (bytes, from, to) => void scanner.push(bytes, from, to),
    end() {
      if (scanner.end()) lastType = scanner.value("type");
      isFinished ||= lastType === "RUN_FINISHED";
      scanner.reset();
    },
  });
  for (let at = log.start; at < log.end;) {
    const bytes = await log.read(at, READ_BYTES);
    parser.push(bytes);
    at += bytes.length;
  }
  return isFinished || lastType === "RUN_ERROR";
}
