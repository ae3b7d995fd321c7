import type { Clock } from "../../ports/clock.ts";
import type { SessionKey } from "../../ports/log-store.ts";
import type { ChunkSource } from "../../stream/sse/paced-stream.ts";
import {
  askRunner,
  readRefusal,
  type RunnerPorts,
  type RunnerReply,
  unavailable,
} from "./runner-response.ts";
import { CALL_TIMEOUT_MS } from "./runner-calls.ts";

const OUTPUT_TIMEOUT_MS = 30_000;

/** A runner's answer that is passed on unchanged. */
export interface PassedAnswer {
  readonly status: number;
  readonly contentType: string | null;
  /** The body, of any size, or null if it is empty. To be closed. */
  readonly source: ChunkSource | null;
}

/**
 * The session's background tasks. Throws `runner-unreachable`, also when the body does not begin in
 * time, and `runner-refused`, both with a text for clients.
 */
export function openTasks(ports: RunnerPorts, key: SessionKey): Promise<PassedAnswer> {
  return openAnswer(ports, key, "tasks", CALL_TIMEOUT_MS);
}

/** The output of a background task. `taskId` is valid; throws as `openTasks`. */
export function openTaskOutput(
  ports: RunnerPorts,
  key: SessionKey,
  taskId: string,
): Promise<PassedAnswer> {
  return openAnswer(ports, key, `tasks/${taskId}/output`, OUTPUT_TIMEOUT_MS);
}

async function openAnswer(
  ports: RunnerPorts,
  key: SessionKey,
  path: string,
  timeoutMs: number,
): Promise<PassedAnswer> {
  const reply = await askRunner(ports, key, { method: "GET", path, timeoutMs });
  const { status, contentType } = reply;
  if (status >= 400) throw await readRefusal(reply, ports.clock);
  return { status, contentType, source: await openBody(reply, ports) };
}

/** The body as a source, once its first chunk is there. */
async function openBody(
  { body, untilMs }: RunnerReply,
  { clock }: RunnerPorts,
): Promise<ChunkSource | null> {
  if (!body) return null;
  const reader = body.getReader();
  const close = (): void => {
    reader.cancel().catch(() => {
      // it is broken already
    });
  };
  let first = await firstChunk(reader, untilMs, clock);
  if (first === null) return null;

  return {
    async next() {
      const chunk = first ?? (await reader.read()).value ?? null;
      first = null;
      return chunk;
    },
    // an answer is complete or it is broken off: it cannot be ended early anywhere
    atBoundary: false,
    close,
  };
}

/** The first chunk, or null for an empty body. Throws `runner-unreachable` if it does not come. */
async function firstChunk(
  reader: ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>>,
  untilMs: number,
  clock: Clock,
): Promise<Uint8Array<ArrayBuffer> | null> {
  let isLate = false;
  const cancelTimer = clock.after(Math.max(0, untilMs - clock.now()), () => {
    isLate = true;
    reader.cancel().catch(() => {
      // it is broken already
    });
  });
  try {
    const { value, done } = await reader.read();
    if (isLate) throw new Error("the body did not begin in time");
    return done ? null : value;
  } catch (cause) {
    throw unavailable(cause);
  } finally {
    cancelTimer();
  }
}
