import type { SpoolLog } from "../ports/relay-spool.ts";
import { concatBytes } from "../stream/bytes/concat.ts";
import { JsonObjectScanner } from "../stream/json/json-scan.ts";
import type { SpoolRoom } from "./spool-room.ts";

/** A posted run, read to its end. */
export interface RunRequest {
  /** Null where the body has none that a path could name: such a run cannot be taken up again. */
  readonly runId: string | null;
  readonly threadId: string | null;
  readonly bytes: number;
  /** The body once more, from its start. */
  body(): Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array>;
  /** Gives up what holds the body. */
  release(): Promise<void>;
}

export interface BodySpool {
  readonly room: SpoolRoom;
  create(): Promise<SpoolLog>;
}

/** What is kept of a body in memory; a longer one goes to the spool. */
const IN_MEMORY_BYTES = 1024 * 1024;
const READ_BYTES = 64 * 1024;
const KEYS = ["runId", "run_id", "threadId", "thread_id"];

/**
 * Reads the body of a run to its end, as a whole before the agent is asked: only then it is known which
 * run it is. Throws what the body fails with.
 */
export async function readRunRequest(
  body: ReadableStream<Uint8Array> | null,
  spool: BodySpool,
  signal: AbortSignal,
): Promise<RunRequest> {
  const scanner = new JsonObjectScanner(KEYS);
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  let held: HeldBody | null = null;
  try {
    for await (const piece of body ?? []) {
      scanner.push(piece, 0, piece.length);
      bytes += piece.length;
      pieces.push(piece);
      if (bytes <= IN_MEMORY_BYTES) continue;
      held ??= new HeldBody(await spool.create(), spool.room);
      for (const each of pieces.splice(0)) await held.append(each, signal);
    }
  } catch (error) {
    await held?.release();
    throw error;
  }
  const isObject = scanner.end();
  const idOf = (...keys: string[]): string | null =>
    isObject ? (keys.map((key) => scanner.value(key)).find((id) => id !== null) ?? null) : null;
  const runId = idOf("runId", "run_id");
  return {
    runId: runId !== null && isPathName(runId) ? runId : null,
    threadId: idOf("threadId", "thread_id"),
    bytes,
    body: () => held?.stream() ?? new Uint8Array(concatBytes(pieces)),
    release: async () => held?.release(),
  };
}

/** Whether a segment of a path can stand for an id. */
export function isPathName(id: string): boolean {
  if (id === "" || id === "." || id === "..") return false;
  try {
    encodeURIComponent(id);
    return true;
  } catch {
    // half of a surrogate pair
    return false;
  }
}

/** A body in the spool. */
class HeldBody {
  readonly #log: SpoolLog;
  readonly #room: SpoolRoom;
  #bytes = 0;

  constructor(log: SpoolLog, room: SpoolRoom) {
    this.#log = log;
    this.#room = room;
  }

  async append(piece: Uint8Array, signal: AbortSignal): Promise<void> {
    await this.#room.take(piece.length, signal);
    this.#bytes += piece.length;
    await this.#log.append(piece);
  }

  stream(): ReadableStream<Uint8Array> {
    let at = 0;
    return new ReadableStream<Uint8Array>(
      {
        pull: async (controller) => {
          if (at === this.#log.end) return controller.close();
          const bytes = await this.#log.read(at, READ_BYTES);
          at += bytes.length;
          // the reader may take the memory over, which is the log's
          controller.enqueue(bytes.slice());
        },
      },
      { highWaterMark: 0 },
    );
  }

  async release(): Promise<void> {
    this.#room.release(this.#bytes);
    this.#bytes = 0;
    await this.#log.remove();
  }
}
