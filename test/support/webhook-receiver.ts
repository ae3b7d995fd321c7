import { createHmac } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { onTestFinished } from "vitest";

/** A secret in the form of Standard Webhooks. */
export const SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo=";

/** A request as it came. */
export interface Received {
  readonly path: string;
  readonly id: string;
  readonly timestamp: string;
  readonly signature: string;
  readonly contentType: string;
  readonly body: string;
  readonly notice: {
    readonly type: string;
    readonly timestamp: string;
    readonly data: Record<string, unknown>;
  };
}

/** How a receiver answers; the default takes everything. */
type Answer = (response: ServerResponse, received: Received) => void;

/** An HTTP server that is told what becomes of runs. It goes with the test. */
export interface WebhookReceiver {
  readonly url: string;
  readonly received: readonly Received[];
  /** Most requests that were unanswered at once. */
  readonly mostOpen: number;
  answer(how: Answer): void;
  /** Stops listening, and breaks off what is open. */
  goDown(): Promise<void>;
  /** Listens again, on the same port. */
  comeUp(): Promise<void>;
}

const take: Answer = (response) => void response.writeHead(204).end();

export async function startReceiver(): Promise<WebhookReceiver> {
  const received: Received[] = [];
  let how = take;
  let open = 0;
  let mostOpen = 0;
  const receive = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    mostOpen = Math.max(mostOpen, ++open);
    response.once("close", () => void open--);
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks).toString();
    const header = (name: string): string => String(request.headers[name]);
    const one: Received = {
      path: request.url ?? "",
      id: header("webhook-id"),
      timestamp: header("webhook-timestamp"),
      signature: header("webhook-signature"),
      contentType: header("content-type"),
      body,
      notice: JSON.parse(body) as Received["notice"],
    };
    received.push(one);
    how(response, one);
  };
  const server = createServer((request, response) => {
    receive(request, response).catch(() => {
      // whoever sent it has broken off
      response.destroy();
    });
  });
  const listen = async (port: number): Promise<number> => {
    server.listen(port, "127.0.0.1");
    await once(server, "listening");
    return (server.address() as AddressInfo).port;
  };
  const goDown = async (): Promise<void> => {
    if (!server.listening) return;
    const closed = once(server, "close");
    server.close();
    server.closeAllConnections();
    await closed;
  };
  onTestFinished(goDown);
  const port = await listen(0);
  return {
    url: `http://127.0.0.1:${port}/hook`,
    received,
    get mostOpen() {
      return mostOpen;
    },
    answer(other) {
      how = other;
    },
    goDown,
    async comeUp() {
      await listen(port);
    },
  };
}

/** The signature of Standard Webhooks, made by another implementation of HMAC than the server's. */
export function signatureOf({ body, id, timestamp }: Received, secret: string = SECRET): string {
  const key = Buffer.from(secret.replace("whsec_", ""), "base64");
  const hmac = createHmac("sha256", key).update(`${id}.${timestamp}.${body}`);
  return `v1,${hmac.digest("base64")}`;
}
