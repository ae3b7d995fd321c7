import { hasCode, RunlogError } from "../../src/ports/errors.ts";
import type { RunnerAnswer, RunnerCall } from "../../src/ports/runner-client.ts";
import { type HttpTransport, type OpenAnswer, sendRequest } from "./request.ts";
import { madeNoConnection } from "./retry.ts";

/** One call, up to the headers of its answer (`RunnerClient.call`). */
export async function callRunner(
  { key, address, method, path, body, timeoutMs, signal }: RunnerCall,
  transport: HttpTransport,
): Promise<RunnerAnswer> {
  const headers = new Headers();
  if (body !== undefined) headers.set("Content-Type", "application/json");
  const request = { key, method, url: urlBelow(address, path), headers, timeoutMs, signal };
  try {
    const blob = body && { body: new Blob([body]) };
    const answer = await sendRequest({ ...request, ...blob }, transport);
    const { status, headers: answered } = answer.response;
    return { status, contentType: answered.get("Content-Type"), body: bodyOf(answer) };
  } catch (cause) {
    if (signal.aborted) throw cause;
    if (!madeNoConnection(cause) && !hasCode(cause, "runner-disconnected", "runner-address-unfit"))
      throw cause;
    throw new RunlogError("runner-unreachable", "the runner did not answer", { cause });
  }
}

/** The URL of `path` below `address`; a path that leads elsewhere is a mistake of the caller. */
export function urlBelow(address: string, path: string): string {
  const { href } = new URL(address + path);
  if (!href.startsWith(new URL(address).href))
    throw new TypeError("the path leads out of the runner's address");
  return href;
}

/** The answer's body: pulled from the socket only as it is read. */
function bodyOf({
  response,
  connection,
  release,
}: OpenAnswer): ReadableStream<Uint8Array<ArrayBuffer>> | null {
  if (!response.body) {
    release();
    return null;
  }
  const reader = response.body.getReader();
  const { signal } = connection;
  const source: UnderlyingDefaultSource<Uint8Array<ArrayBuffer>> = {
    start(controller) {
      const end = (): void => {
        controller.error(signal.reason);
        reader.cancel(signal.reason).catch(() => {
          // it is broken already
        });
      };
      signal.addEventListener("abort", end, { once: true });
    },
    async pull(controller) {
      try {
        const { value, done } = await reader.read();
        if (!done) return controller.enqueue(value);
        release();
        controller.close();
      } catch (cause) {
        release();
        signal.throwIfAborted();
        throw new RunlogError("runner-disconnected", "the runner's answer broke off", { cause });
      }
    },
    cancel(reason) {
      release();
      connection.abort(reason);
    },
  };
  return new ReadableStream(source, { highWaterMark: 0 });
}
