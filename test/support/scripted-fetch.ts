import type {
  RecordedRequest,
  ScriptedExchange,
  ScriptedRunner,
} from "../contract/runner-client.ts";

/** A ScriptedRunner without sockets, for a runtime that cannot listen. */
export interface ScriptedFetch extends ScriptedRunner {
  /** The only way to the runner. */
  readonly fetch: (url: string, init: RequestInit) => Promise<Response>;
  /** Rejects with an error of a script, if any. */
  close(): Promise<void>;
}

/** Makes a runner. Until it is given a script it answers 200 and an empty stream. */
export function createScriptedFetch(): ScriptedFetch {
  const unreachableAddress = "http://unreachable.invalid/runner/";
  const requests: RecordedRequest[] = [];
  const failures: unknown[] = [];
  let respond = answerNothing;
  let isUp = false;

  return {
    address: "http://runner.invalid/runner/",
    unreachableAddress,
    requests,
    script(next) {
      respond = next;
    },
    async comeUp() {
      isUp = true;
    },
    async fetch(url, init) {
      if (url.startsWith(unreachableAddress) && !isUp) throw connectionRefused();
      const request = await record(new Request(url, init));
      requests.push(request);
      const connection = connect(request, init.signal ?? null);
      respond(connection.exchange).catch((error: unknown) => {
        // a script that writes to a client that has left fails by design
        if (!connection.isGone()) failures.push(error);
        connection.breakOff(error);
      });
      return connection.response;
    },
    async close() {
      if (failures.length > 0) throw failures[0];
    },
  };
}

async function answerNothing(exchange: ScriptedExchange): Promise<void> {
  await exchange.answer(200, { "content-type": "text/event-stream" });
  await exchange.end();
}

/** What Node's fetch throws; the standard has no error of its own for it. */
function connectionRefused(): TypeError {
  const cause = Object.assign(new Error("connection refused"), { code: "ECONNREFUSED" });
  return new TypeError("fetch failed", { cause });
}

async function record(request: Request): Promise<RecordedRequest> {
  const { pathname, search } = new URL(request.url);
  return {
    method: request.method,
    path: pathname + search,
    headers: Object.fromEntries(request.headers),
    body: new Uint8Array(await request.arrayBuffer()),
  };
}

function connect(request: RecordedRequest, signal: AbortSignal | null) {
  // a write is taken when the client reads
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  const writer = writable.getWriter();
  const encoder = new TextEncoder();
  const { promise: response, resolve, reject } = Promise.withResolvers<Response>();
  const closed = writer.closed.catch(() => {
    // the client has gone, or the script broke off: closed in any case
  });

  const breakOff = (reason: unknown): void => {
    reject(reason);
    writer.abort(reason).catch(() => {
      // it is broken off already
    });
  };
  signal?.addEventListener("abort", () => breakOff(signal.reason), { once: true });

  const exchange: ScriptedExchange = {
    request,
    closed,
    async answer(status, headers = {}) {
      resolve(new Response(readable, { status, headers: { ...headers } }));
    },
    write: (piece) => writer.write(typeof piece === "string" ? encoder.encode(piece) : piece),
    end: () => writer.close(),
    async breakOff() {
      breakOff(new TypeError("terminated"));
      await closed;
    },
  };
  return { exchange, response, breakOff, isGone: () => writer.desiredSize === null };
}
