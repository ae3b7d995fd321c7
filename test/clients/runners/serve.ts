// What the README's serve.mjs is: an agent that is an object, behind a URL. Prints its port.
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { json } from "node:stream/consumers";
import type { Observable } from "rxjs";

/** An agent of any version of `@ag-ui/client`. */
interface Agent {
  clone(): unknown;
  run(input: never): Observable<object>;
}

const DEFAULTS = { state: {}, tools: [], context: [], forwardedProps: {} };

/** Answers every run with what a clone of the agent sends. */
export function serve(agent: Agent): void {
  const server = createServer((request, response) => {
    void (async () => {
      if (request.method !== "POST" || request.url !== "/") return response.writeHead(404).end();
      const input = (await json(request)) as object;
      const events = (agent.clone() as Agent).run({ ...DEFAULTS, ...input } as never);
      response.writeHead(200, { "Content-Type": "text/event-stream" });
      const reading = events.subscribe({
        next: (event) => response.write(`data: ${JSON.stringify(event)}\n\n`),
        error: (error) => {
          console.error(error);
          response.destroy();
        },
        complete: () => response.end(),
      });
      return response.on("close", () => reading.unsubscribe());
    })();
  });
  server.listen(0, "127.0.0.1", () => {
    process.stdout.write(`port ${(server.address() as AddressInfo).port}\n`);
  });
}
