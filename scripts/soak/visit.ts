import { setTimeout as sleep } from "node:timers/promises";
import { type HttpStream, openHttpStream } from "../bench/http-stream.ts";
import type { WorkloadContext } from "./workload.ts";

/** One request, and when whoever makes it leaves. */
export interface Visit {
  /** What its answers are counted as. */
  readonly name: string;
  readonly path: string;
  /** JSON to post; without it it is a GET. */
  readonly body?: string;
  readonly bytesPerSecond?: number;
  /** Leaves after so many bytes. */
  readonly bytes?: number;
  /** Leaves after so long. */
  readonly ms: number;
  /** Told of the bytes of a 200's body, valid only during the call. */
  readonly onBody?: (bytes: Buffer) => void;
}

/** What came of a visit. */
export interface Visited {
  readonly status: number;
  /** Whether the body came to its end, rather than the visit or the connection. */
  readonly isWhole: boolean;
}

/** Whatever happens to servers: a request has its answer by then, or its connection has gone. */
const ANSWER_MS = 120_000;

/** Visits until it is over. Rejects if the connection ends before a response. */
export async function visit(context: WorkloadContext, options: Visit): Promise<Visited> {
  const { name, path, body, bytesPerSecond, bytes: most = Infinity, ms, onBody } = options;
  let isGood = false;
  let received = 0;
  const fromMs = Date.now();
  const stream: HttpStream = openHttpStream({
    port: context.port,
    path,
    ...(body !== undefined && { body }),
    ...(bytesPerSecond !== undefined && { bytesPerSecond }),
    onHead({ status, headers }) {
      context.count(`${name} answered ${status}`);
      isGood = status === 200;
      if (status >= 500) context.failed({ what: `${name}: ${path}`, status, headers, fromMs });
    },
    onBody(bytes) {
      received += bytes.length;
      if (isGood) onBody?.(bytes);
      if (received >= most) stream.close();
    },
  });
  const leave = new AbortController();
  const silent = setTimeout(() => {
    context.violation(`${name}: ${path} was not answered within ${ANSWER_MS / 1_000} s`);
    stream.close();
  }, ANSWER_MS);
  try {
    const { status } = await stream.head.finally(() => clearTimeout(silent));
    const signal = AbortSignal.any([context.signal, leave.signal]);
    const isOver = sleep(ms, false, { signal }).catch(() => false);
    return { status, isWhole: await Promise.race([stream.ended, isOver]) };
  } finally {
    leave.abort();
    stream.close();
  }
}
