import type { Clock } from "../../ports/clock.ts";
import { sign } from "./signature.ts";

export interface DeliverOptions {
  /** Makes the request. Follows no redirect where `redirect` is "manual". */
  readonly fetch: (url: string, init: RequestInit) => Promise<Response>;
  /** The secrets by which is signed now: the bytes of each. Rejects where there is none. */
  readonly secrets: () => Promise<readonly Uint8Array<ArrayBuffer>[]>;
  readonly clock: Clock;
}

export interface Delivery {
  readonly url: string;
  readonly id: string;
  readonly body: string;
  /** Ends the attempt. */
  readonly signal: AbortSignal;
}

/** What became of an attempt. */
export type DeliveryOutcome =
  | { readonly kind: "delivered" }
  /** Nothing must be sent to the address any more. */
  | { readonly kind: "gone" }
  /** `status` is that of the answer, or null without one; `retryAfterMs` what it asks for, or 0. */
  | {
      readonly kind: "failed";
      readonly status: number | null;
      readonly retryAfterMs: number;
      readonly error?: unknown;
    };

/** How long in ms an attempt may take until its answer begins. */
const ANSWER_MS = 15_000;
/** The longest wait that an answer can ask for, in ms. */
const MAX_RETRY_AFTER_MS = 3_600_000;

/** Tries once to deliver a notice, by the rules of Standard Webhooks. Never rejects. */
export async function deliver(
  { clock, fetch, secrets }: DeliverOptions,
  { body, id, signal, url }: Delivery,
): Promise<DeliveryOutcome> {
  const late = new AbortController();
  const cancel = clock.after(ANSWER_MS, () =>
    late.abort(new Error(`No answer in ${ANSWER_MS / 1000} s`)),
  );
  try {
    const timestamp = Math.floor(clock.now() / 1000);
    const response = await fetch(url, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        "user-agent": "runlog",
        "webhook-id": id,
        "webhook-timestamp": String(timestamp),
        "webhook-signature": await sign({ id, timestamp, body }, await secrets()),
      },
      body,
      redirect: "manual",
      signal: AbortSignal.any([signal, late.signal]),
    });
    await response.body?.cancel();
    return outcomeOf(response, clock.now());
  } catch (error) {
    return { kind: "failed", status: null, retryAfterMs: 0, error };
  } finally {
    cancel();
  }
}

function outcomeOf({ headers, ok, status }: Response, nowMs: number): DeliveryOutcome {
  if (ok) return { kind: "delivered" };
  if (status === 410) return { kind: "gone" };
  return { kind: "failed", status, retryAfterMs: retryAfterMs(headers.get("retry-after"), nowMs) };
}

/** `Retry-After` (RFC 9110, 10.2.3) in ms; 0 where it says nothing that can be understood. */
function retryAfterMs(text: string | null, nowMs: number): number {
  if (text === null) return 0;
  const ms = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text) - nowMs;
  return ms > 0 ? Math.min(ms, MAX_RETRY_AFTER_MS) : 0;
}
