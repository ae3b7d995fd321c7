import type { Context } from "hono";
import { RunlogError } from "../ports/errors.ts";
import { concatBytes } from "../stream/bytes/concat.ts";
import { gunzipStream } from "../stream/bytes/gzip.ts";
import { HeldPieces } from "../stream/bytes/held-pieces.ts";
import type { BudgetHold, SharedBudget } from "../stream/sync/shared-budget.ts";
import { Utf8Repair } from "../stream/bytes/utf8-repair.ts";
import { accessOf } from "./access.ts";
import { projectOf } from "./session-key.ts";

export interface ReadBodyOptions {
  readonly limitBytes: number;
  /** Shared by all requests of the process that wait with a body. */
  readonly budget: SharedBudget;
}

/** Largest body of a run, bytes (PROTOCOL 1.5). */
export const MAX_RUN_BODY: number = 16 * 1024 * 1024;

/** Largest body of a route that needs none or a small one, bytes (PROTOCOL 1.5). */
export const MAX_SMALL_BODY: number = 64 * 1024;

/** A body and its share of the budget. */
export interface JsonBody {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Releases the memory. Idempotent. */
  release(): void;
}

/**
 * Reads a JSON body; its bytes are held in the budget until it is released. Throws
 * `unsupported-media-type`, `body-too-large`, `invalid-input` (not UTF-8, damaged, or broken off),
 * `request-timeout` when it came slowly and others need its memory, and `overloaded` when there is none.
 */
export async function readJsonBody(c: Context, options: ReadBodyOptions): Promise<JsonBody> {
  if (!/^application\/json\s*(;|$)/i.test(c.req.header("Content-Type") ?? "")) throw notJson();
  const { limitBytes, budget } = options;
  const declared = Number(c.req.header("Content-Length") ?? 0);
  if (declared > limitBytes) throw tooLarge(limitBytes);
  const body = bodyOf(c);
  const hold = budget.hold([accessOf(c).holder, projectOf(c)]);
  try {
    const pieces = new HeldPieces<ArrayBuffer>();
    const utf8 = new Utf8Repair();
    for await (const chunk of bodyChunks(body, hold.revoked)) {
      if (pieces.bytes + chunk.length > limitBytes) throw tooLarge(limitBytes);
      if (!(await hold.grow(chunk.length))) throw noRoom(hold);
      pieces.add(chunk);
      utf8.push(chunk);
    }
    if (hold.revoked.aborted) throw noRoom(hold);
    hold.keep();
    utf8.finish();
    if (utf8.repaired > 0)
      throw new RunlogError("invalid-input", "invalid input: the body is not UTF-8");
    return { bytes: concatBytes(pieces.take()), release: () => hold.release() };
  } catch (error) {
    hold.release();
    throw error;
  }
}

/**
 * Reads and drops a body that a route takes but does not use. It may be missing; if it is there it
 * has to be JSON within the limit, as for `readJsonBody`.
 */
export async function dropJsonBody(c: Context, options: ReadBodyOptions): Promise<void> {
  if (c.req.header("Content-Type") !== undefined) {
    (await readJsonBody(c, options)).release();
    return;
  }
  const never = new AbortController().signal;
  for await (const chunk of bodyChunks(c.req.raw.body, never))
    if (chunk.length > 0) throw notJson();
}

type Body = ReadableStream<Uint8Array<ArrayBuffer>>;

/** The body before its client compressed it. */
function bodyOf(c: Context): Body | null {
  const { body } = c.req.raw;
  const coding = (c.req.header("Content-Encoding") ?? "").trim().toLowerCase();
  if (coding === "" || coding === "identity") return body;
  if (coding === "gzip" || coding === "x-gzip") return body && gunzipStream(body);
  throw new RunlogError("unsupported-media-type", "Content-Encoding may only be gzip or identity");
}

async function* bodyChunks(
  body: Body | null,
  revoked: AbortSignal,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const reader = body?.getReader();
  if (!reader) return;
  const leave = (): void => {
    reader.cancel().catch(() => {
      // the connection is closed already
    });
  };
  // it ends a read that waits for the client
  revoked.addEventListener("abort", leave, { once: true });
  try {
    for (;;) {
      const { value, done } = await reader.read().catch((cause: unknown) => {
        throw new RunlogError("invalid-input", "The body broke off or is damaged", { cause });
      });
      if (done) return;
      yield value;
    }
  } finally {
    revoked.removeEventListener("abort", leave);
    leave();
  }
}

function noRoom({ revoked }: BudgetHold): RunlogError {
  return revoked.aborted
    ? new RunlogError("request-timeout", "The body came too slowly while others are waiting")
    : new RunlogError("overloaded", "Too many requests are waiting");
}

function tooLarge(limit: number): RunlogError {
  return new RunlogError("body-too-large", "Request body too large", { limit });
}

function notJson(): RunlogError {
  return new RunlogError("unsupported-media-type", "Content-Type must be application/json");
}
