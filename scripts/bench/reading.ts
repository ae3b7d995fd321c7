import { type ChildScript, startScript } from "./child-script.ts";
import type { DataDir } from "./data-dir.ts";
import { within } from "./deadline.ts";
import { type HttpStream, openHttpStream, type ResponseHead } from "./http-stream.ts";
import { type ServerProcess, startServer } from "./server-process.ts";

/** Server and bare pipe over the same logs, for the measurements that read. */
export interface Reading {
  readonly server: ServerProcess;
  readonly pipePort: number;
  readonly data: DataDir;
  stop(): Promise<void>;
}

const PIPE_TIMEOUT_MS = 10_000;
const READ_TIMEOUT_MS = 180_000;

/** Starts both. */
export async function startReading(data: DataDir): Promise<Reading> {
  const files = data.sessions.map(({ log }) => log.path);
  const pipe: ChildScript<{ port: number }> = startScript(
    new URL("./bare-pipe.ts", import.meta.url),
    { files },
  );
  try {
    const { port } = await pipe.next(PIPE_TIMEOUT_MS);
    const server = await startServer({ dataDir: data.dir });
    return {
      server,
      pipePort: port,
      data,
      stop: async () => void (await Promise.all([server.stop(), pipe.stop()])),
    };
  } catch (error) {
    await pipe.stop();
    throw error;
  }
}

/** A GET that is read until `enough` says so, or else to the end of its body. */
export interface TimedGet {
  readonly port: number;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sees each piece of the body; true ends the reading. */
  readonly enough?: (bytes: Buffer) => boolean;
}

/** How long a GET took from the connect to its end, in milliseconds. Throws if it was cut short. */
export async function timeGet(get: TimedGet): Promise<number> {
  const { port, path, headers = {}, enough } = get;
  const startedAtMs = performance.now();
  let enoughAtMs: number | undefined;
  const stream: HttpStream = openHttpStream({
    port,
    path,
    headers,
    onBody(bytes) {
      if (enoughAtMs !== undefined || enough?.(bytes) !== true) return;
      enoughAtMs = performance.now();
      stream.close();
    },
  });
  try {
    const whole = await within(stream.ended, READ_TIMEOUT_MS, `end of ${path}`);
    const endedAtMs = enoughAtMs ?? performance.now();
    requireOk(await stream.head, path);
    if (enoughAtMs === undefined && (enough !== undefined || !whole))
      throw new Error(`${path} was cut short`);
    return endedAtMs - startedAtMs;
  } finally {
    stream.close();
  }
}

/** Throws unless the response is a 200 that begins where it was asked to. */
export function requireOk({ status, headers }: ResponseHead, path: string): void {
  if (status !== 200) throw new Error(`${path} answered ${status}`);
  const replay = headers.get("x-runlog-replay");
  if (replay !== undefined) throw new Error(`${path} did not take the cursor: ${replay}`);
}
