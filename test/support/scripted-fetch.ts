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

type Script = (exchange: ScriptedExchange) => Promise<void>;

/** The path of both base URLs, so that a client that drops it is found out. */
const BASE_PATH = "/runner/";
/** Statuses whose answers have no body, by the standard of fetch. */
const NULL_BODY: ReadonlySet<number> = new Set([101, 204, 205, 304]);

/** Makes a runner. Until it is given a script it answers 200 and an empty stream. */
export function createScriptedFetch(): ScriptedFetch {
  const unreachableAddress = `http://unreachable.invalid${BASE_PATH}`;
  const requests: RecordedRequest[] = [];
  const failures: unknown[] = [];
  const scripts = new Map<string, Script>([[BASE_PATH, answerNothing]]);
  let isUp = false;

  return {
    address: `http://runner.invalid${BASE_PATH}`,
    unreachableAddress,
    requests,
    script(respond, path = "") {
      scripts.set(`${BASE_PATH}${path}`, respond);
    },
    async comeUp() {
      isUp = true;
    },
    async fetch(url, init) {
      if (url.startsWith(unreachableAddress) && !isUp) throw connectionRefused();
      const request = await record(new Request(url, init));
      requests.push(request);
      const connection = connect(request, init.signal ?? null);
      const respond = scripts.get(request.path) ?? answerNotFound;
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

async function answerNotFound(exchange: ScriptedExchange): Promise<void> {
  await exchange.answer(404);
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
      const hasBody = !NULL_BODY.has(status);
      resolve(new Response(hasBody ? readable : null, { status, headers: { ...headers } }));
      // nobody reads what is not there: writes and the end come through all the same
      if (!hasBody) void readable.pipeTo(new WritableStream());
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
