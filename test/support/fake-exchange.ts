import type { IncomingMessage, ServerResponse } from "node:http";
import { bytes } from "node:stream/consumers";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { RecordedRequest, ScriptedExchange } from "../contract/runner-client.ts";

/** Reads a request whole and makes the exchange that a script answers it with. */
export async function createExchange(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
): Promise<ScriptedExchange> {
  const request = await record(incoming);
  const closed = new Promise<void>((resolve) => outgoing.once("close", resolve));

  return {
    request,
    closed,

    async answer(status, headers = {}) {
      outgoing.writeHead(status, headers);
      outgoing.flushHeaders();
    },

    async write(piece) {
      // the callback comes when the kernel has taken the bytes: this is what back-pressure stops
      await new Promise<void>((resolve, reject) => {
        const gone = (): void => reject(new Error("The connection has gone"));
        outgoing.once("close", gone);
        outgoing.write(piece, (error) => {
          outgoing.off("close", gone);
          if (error) reject(error);
          else resolve();
        });
      });
      // a turn of the loop, so that the client finds this piece alone
      await nextTurn();
    },

    async end() {
      outgoing.end();
      await closed;
    },

    async breakOff() {
      // in order for the kernel, so that it throws away nothing that the client has not read
      incoming.socket.destroySoon();
      await closed;
    },
  };
}

async function record(incoming: IncomingMessage): Promise<RecordedRequest> {
  const body = await bytes(incoming);
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(incoming.headers))
    headers[name] = Array.isArray(value) ? value.join(", ") : (value ?? "");
  return {
    method: incoming.method ?? "",
    path: incoming.url ?? "",
    headers,
    body,
  };
}
