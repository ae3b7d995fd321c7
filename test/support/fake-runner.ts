import { once } from "node:events";
import { createServer } from "node:http";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import { freePort } from "../../scripts/bench/loopback.ts";
import { createExchange } from "./fake-exchange.ts";
import type { ScriptedExchange, ScriptedRunner } from "../contract/runner-client.ts";

/** A ScriptedRunner on loopback sockets. */
export interface FakeRunner extends ScriptedRunner {
  /** Breaks every connection off and stops listening. Rejects with an error of a script, if any. */
  close(): Promise<void>;
}

/** The path of both base URLs, so that a client that drops it is found out. */
const BASE_PATH = "/runner/";

type Script = (exchange: ScriptedExchange) => Promise<void>;

/** Starts a runner. Until it is given a script it answers a run with 200 and an empty stream. */
export async function startFakeRunner(): Promise<FakeRunner> {
  const requests: ScriptedExchange["request"][] = [];
  const failures: unknown[] = [];
  const scripts = new Map<string, Script>([[BASE_PATH, answerNothing]]);

  async function serve(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    try {
      const exchange = await createExchange(incoming, outgoing);
      requests.push(exchange.request);
      await (scripts.get(exchange.request.path) ?? answerNotFound)(exchange);
    } catch (error) {
      // a script that writes to a client that has left fails by design
      if (!outgoing.destroyed && !isBroken(error)) failures.push(error);
      incoming.destroy();
    }
  }

  const answer = (incoming: IncomingMessage, outgoing: ServerResponse): void =>
    void serve(incoming, outgoing);
  const server = createServer(answer);
  const late = createServer(answer);
  const port = await listenOn(server, 0);
  const unreachablePort = await freePort();

  return {
    address: `http://127.0.0.1:${port}${BASE_PATH}`,
    unreachableAddress: `http://127.0.0.1:${unreachablePort}${BASE_PATH}`,
    requests,
    script(respond, path = "") {
      scripts.set(`${BASE_PATH}${path}`, respond);
    },
    async comeUp() {
      await listenOn(late, unreachablePort);
    },
    async close() {
      await Promise.all([server, late].map(stop));
      if (failures.length > 0) throw failures[0];
    },
  };
}

/** A write may learn that the client has left before the answer does. */
function isBroken(error: unknown): boolean {
  const code = error instanceof Error && "code" in error ? error.code : null;
  return code === "EPIPE" || code === "ECONNRESET";
}

async function answerNothing(exchange: ScriptedExchange): Promise<void> {
  await exchange.answer(200, { "content-type": "text/event-stream" });
  await exchange.end();
}

async function answerNotFound(exchange: ScriptedExchange): Promise<void> {
  await exchange.answer(404);
  await exchange.end();
}

async function listenOn(server: Server, port: number): Promise<number> {
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("Not a TCP server");
  return address.port;
}

async function stop(server: Server): Promise<void> {
  if (!server.listening) return;
  const closed = once(server, "close");
  server.close();
  server.closeAllConnections();
  await closed;
}
