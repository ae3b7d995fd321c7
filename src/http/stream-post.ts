import type { Context } from "hono";
import { formatOffset } from "../core/log-streams/stream-offset.ts";
import type { Producer } from "../core/pushed-runs/producer.ts";
import { readPushedEvents } from "../core/pushed-runs/pushed-events.ts";
import type { PushResult } from "../core/pushed-runs/pushes.ts";
import type { SessionService } from "../core/service.ts";
import { RunlogError } from "../ports/errors.ts";
import { problem } from "./problem.ts";
import { MAX_RUN_BODY, readJsonBody } from "./read-body.ts";
import { sessionKeyOf } from "./session-key.ts";
import { assertOffered, assertStream } from "./stream-terms.ts";

const MAX_ID_CHARS = 256;
const INTEGER = /^(0|[1-9]\d{0,15})$/;

/** `POST /v1/streams/{project}/{session}`: events of a run that its agent pushes (PROTOCOL 23.7). */
export function streamPost(service: SessionService) {
  return async (c: Context): Promise<Response> => {
    const key = sessionKeyOf(c);
    await assertStream(c, service, key);
    assertOffered(c, ["stream-closed", "stream-seq"]);
    const type = c.req.header("Content-Type");
    if (type === undefined) throw invalid("Content-Type is missing: application/json");
    if (!/^application\/json\s*(;|$)/i.test(type))
      return problem(c, {
        code: "content-type-mismatch",
        detail: "The stream is application/json",
      });
    const producer = producerOf(c);
    const body = await readJsonBody(c, { limitBytes: MAX_RUN_BODY, budget: service.bodyBudget });
    try {
      const events = await readPushedEvents(body.bytes);
      return answer(c, await service.pushes.push(key, events, producer), producer);
    } finally {
      body.release();
    }
  };
}

/** The producer that the headers name; null for none of them. Throws `invalid-input`. */
function producerOf(c: Context): Producer | null {
  const [id, epoch, seq] = ["Producer-Id", "Producer-Epoch", "Producer-Seq"].map((name) =>
    c.req.header(name),
  );
  if (id === undefined && epoch === undefined && seq === undefined) return null;
  if (id === undefined || epoch === undefined || seq === undefined)
    throw invalid("Producer-Id, Producer-Epoch and Producer-Seq come together");
  if (id === "" || id.length > MAX_ID_CHARS)
    throw invalid(`Producer-Id has 1 to ${MAX_ID_CHARS} characters`);
  return { id, epoch: integer("Producer-Epoch", epoch), seq: integer("Producer-Seq", seq) };
}

function integer(name: string, text: string): number {
  const number = Number(text);
  if (INTEGER.test(text) && Number.isSafeInteger(number)) return number;
  throw invalid(`${name} is an integer from 0 to ${Number.MAX_SAFE_INTEGER}`);
}

function answer(c: Context, result: PushResult, producer: Producer | null): Response {
  const { logId, end } = result;
  const next = { "Stream-Next-Offset": formatOffset({ logId, offset: end, runFrom: null }) };
  if (result.kind === "stored")
    return producer
      ? c.body(null, 200, { ...next, ...progress(producer) })
      : c.body(null, 204, next);
  if (result.kind === "duplicate") return c.body(null, 204, { ...next, ...progress(result) });
  if (result.kind === "fenced")
    return problem(c, {
      code: "producer-fenced",
      detail: `The producer has started anew, with epoch ${result.epoch}`,
      headers: { "Producer-Epoch": String(result.epoch) },
    });
  const { expected, received } = result;
  return problem(c, {
    code: "producer-gap",
    detail: `Batch ${expected} of the producer is missing`,
    headers: {
      "Producer-Expected-Seq": String(expected),
      "Producer-Received-Seq": String(received),
    },
  });
}

function progress({ epoch, seq }: Pick<Producer, "epoch" | "seq">): Record<string, string> {
  return { "Producer-Epoch": String(epoch), "Producer-Seq": String(seq) };
}

function invalid(message: string): RunlogError {
  return new RunlogError("invalid-input", message);
}
