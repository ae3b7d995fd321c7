import type { Context } from "hono";
import type { ByteBudget } from "../stream/byte-budget.ts";
import { RunlogError } from "../ports/errors.ts";
import { concatBytes } from "../stream/concat.ts";
import { Utf8Repair } from "../stream/utf8-repair.ts";

export interface ReadBodyOptions {
  readonly limitBytes: number;
  /** Shared by all requests of the process that wait with a body. */
  readonly budget: ByteBudget;
}

/** Largest body of a run, bytes (contract 1.5). */
export const MAX_RUN_BODY: number = 16 * 1024 * 1024;

/** Largest body of a route that needs none or a small one, bytes (contract 1.5). */
export const MAX_SMALL_BODY: number = 64 * 1024;

/** A body and its share of the budget. */
export interface JsonBody {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Gives the memory back to the budget. Idempotent. */
  release(): void;
}

/**
 * Reads a JSON body; its bytes are held in the budget until it is released. Throws
 * `unsupported-media-type`, `body-too-large`, `invalid-input` (not UTF-8, or broken off), and
 * `overloaded` when too many bodies wait already.
 */
export async function readJsonBody(c: Context, options: ReadBodyOptions): Promise<JsonBody> {
  if (!/^application\/json\s*(;|$)/i.test(c.req.header("Content-Type") ?? "")) throw notJson();
  const { limitBytes, budget } = options;
  const declared = Number(c.req.header("Content-Length") ?? 0);
  if (declared > limitBytes) throw tooLarge(limitBytes);
  const lease = budget.lease();
  try {
    const chunks: Uint8Array<ArrayBuffer>[] = [];
    const utf8 = new Utf8Repair();
    let length = 0;
    for await (const chunk of bodyChunks(c)) {
      length += chunk.length;
      if (length > limitBytes) throw tooLarge(limitBytes);
      if (!lease.tryGrow(chunk.length))
        throw new RunlogError("overloaded", "Too many requests are waiting");
      chunks.push(chunk);
      utf8.push(chunk);
    }
    utf8.finish();
    if (utf8.repaired > 0)
      throw new RunlogError("invalid-input", "invalid input: the body is not UTF-8");
    return { bytes: concatBytes(chunks), release: () => lease.release() };
  } catch (error) {
    lease.release();
    throw error;
  }
}

/**
 * Reads and drops a body that a route takes but does not look at. There need not be one; what there
 * is has to be JSON within the limit, as for `readJsonBody`.
 */
export async function dropJsonBody(c: Context, options: ReadBodyOptions): Promise<void> {
  if (c.req.header("Content-Type") !== undefined) {
    (await readJsonBody(c, options)).release();
    return;
  }
  for await (const chunk of bodyChunks(c)) if (chunk.length > 0) throw notJson();
}

async function* bodyChunks(c: Context): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const reader = c.req.raw.body?.getReader();
  if (!reader) return;
  try {
    for (;;) {
      const { value, done } = await reader.read().catch((cause: unknown) => {
        throw new RunlogError("invalid-input", "The body broke off", { cause });
      });
      if (done) return;
      yield value;
    }
  } finally {
    await reader.cancel().catch(() => {
      // the connection is gone already
    });
  }
}

function tooLarge(limit: number): RunlogError {
  return new RunlogError("body-too-large", "Request body too large", { limit });
}

function notJson(): RunlogError {
  return new RunlogError("unsupported-media-type", "Content-Type must be application/json");
}
